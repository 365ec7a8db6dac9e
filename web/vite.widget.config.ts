import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

// The map for a notebook: one module that needs nothing else, its styles within.
export default defineConfig({
  plugins: [svelte({ compilerOptions: { css: "injected" } })],
  build: {
    outDir: "../ilk/view/static",
    emptyOutDir: false,
    copyPublicDir: false,
    target: "es2022",
    modulePreload: false,
    rollupOptions: {
      input: "src/widget.ts",
      preserveEntrySignatures: "strict",
      output: { entryFileNames: "widget.js" },
    },
  },
});
