import './theme.css'
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { whenSignedOut } from '../api/http'
import { client } from './client'
import { router } from './router'
import { apply } from './theme'

apply()
whenSignedOut(() => {
  client.clear()
  const at = router.state.location
  if (at.pathname !== '/signin') void router.navigate({ to: '/signin', search: at.pathname === '/' ? {} : { next: at.href } })
})

// A lazy page that suspends costs 300 ms of waiting; so the first page is loaded
// before anything is drawn, over the static mark in index.html.
await router.load()
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
)
