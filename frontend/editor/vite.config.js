import { copyFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { defineConfig } from "vite";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  define: { "process.env.NODE_ENV": '"production"' },
  build: {
    outDir: at("../../static/flows/editor"),
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
      writeBundle: ({ dir }) => copyFileSync(at("node_modules/elkjs/lib/elk-worker.min.js"), `${dir}/layout-worker.js`),
    },
  ],
});
