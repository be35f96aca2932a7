import { defineConfig } from 'vitest/config';

const gateway = process.env.TURNGATE_DEV_URL ?? 'http://127.0.0.1:8080';

// The console: index.html and hashed assets. The widget is built after it, by vite.widget.config.ts.
export default defineConfig({
  base: '/',
  build: {
    outDir: '../../gateway/api/static',
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: {
      '/api': gateway,
      '/ws': { target: gateway, ws: true },
    },
  },
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.ts'],
    restoreMocks: true,
  },
});
