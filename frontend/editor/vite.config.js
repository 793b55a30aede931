import { copyFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { defineConfig } from "vite";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const out = at("../../static/flows/editor");

export default defineConfig({
  define: { "process.env.NODE_ENV": '"production"' },
  build: {
    outDir: out,
    emptyOutDir: true,
    sourcemap: false,
    modulePreload: false,
    cssCodeSplit: false,
    target: "es2022",
    cssTarget: ["chrome125", "firefox128", "safari18"],
    rollupOptions: {
      input: at("src/main.js"),
      output: { entryFileNames: "editor.js", assetFileNames: "editor[extname]", codeSplitting: false },
    },
  },
  plugins: [
    {
      name: "layout-worker",
      // Loaded when first asked for, as it is five times the rest.
      closeBundle: () => copyFileSync(at("node_modules/elkjs/lib/elk-worker.min.js"), `${out}/layout-worker.js`),
    },
  ],
});
