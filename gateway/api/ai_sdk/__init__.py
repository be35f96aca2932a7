"""The routes and streams of AI SDK's `useChat`."""
