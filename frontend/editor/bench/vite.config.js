import { fileURLToPath } from "node:url";

import { defineConfig } from "vite";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  define: { "process.env.NODE_ENV": '"production"' },
  build: {
    outDir: process.env.BARE_OUT,
    emptyOutDir: false,
    rollupOptions: { input: at("bare.jsx"), output: { entryFileNames: "bare.js", assetFileNames: "bare[extname]", codeSplitting: false } },
  },
});
