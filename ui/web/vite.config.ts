import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

// In development the pages come from Vite and the API from a running forge.
const server = process.env.FORGE_URL ?? 'http://127.0.0.1:18080'
const proxied = ['/api', '/v1', '/v2', '/healthz', '/readyz']

export default defineConfig({
  plugins: [react(), tailwindcss()],
  build: {
    outDir: 'dist/app', // git ignores it; ui.go embeds it
    emptyOutDir: true,
    target: ['chrome123', 'firefox120', 'safari17.5'], // the first with light-dark()
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700, // three.js, loaded only where it may run
  },
  server: { proxy: Object.fromEntries(proxied.map((p) => [p, { target: server }])) },
  preview: { proxy: Object.fromEntries(proxied.map((p) => [p, { target: server }])) },
  test: { environment: 'node', include: ['src/**/*.test.ts'] },
})
