import { defineConfig } from 'vite';

// The widget: one classic script that contains everything, for any page to load.
export default defineConfig({
  publicDir: false,
  build: {
    outDir: '../../gateway/api/static',
    emptyOutDir: false,
    target: 'es2022',
    lib: {
      entry: 'src/widget/main.ts',
      formats: ['iife'],
      name: 'turngateWidget',
      fileName: () => 'widget.js',
    },
  },
});
