import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

// Stable names, no hashes: the build is committed, and the server sends it with an entity tag.
export default defineConfig({
  base: "./",
  plugins: [svelte()],
  build: {
    outDir: "../ilk/view/static",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    rollupOptions: {
      output: {
        entryFileNames: "look.js",
        chunkFileNames: "[name].js",
        assetFileNames: "look.[ext]",
      },
    },
  },
});
