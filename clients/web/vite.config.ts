import { readFileSync } from 'node:fs';
import { defineConfig, type Plugin } from 'vitest/config';

const gateway = process.env.TURNGATE_DEV_URL ?? 'http://127.0.0.1:8080';

/** A separate classic script, hashed like all assets, which the page runs before the first paint. */
function firstPaint(): Plugin {
  const file = 'src/first-paint.js';
  return {
    name: 'first-paint',
    generateBundle() {
      this.emitFile({ type: 'asset', name: 'first-paint.js', source: readFileSync(file, 'utf8') });
    },
    transformIndexHtml: {
      order: 'post',
      handler(_html, { bundle }) {
        const built = Object.values(bundle ?? {}).find(
          (output) => output.type === 'asset' && output.names.includes('first-paint.js'),
        );
        return [{ tag: 'script', attrs: { src: `/${built?.fileName ?? file}` }, injectTo: 'head-prepend' }];
      },
    },
  };
}

// The console: index.html and hashed assets. The widget is built after it, by vite.widget.config.ts.
export default defineConfig({
  plugins: [firstPaint()],
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
