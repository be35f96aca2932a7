// Runs before the first paint, so that the chosen theme doesn't flash. A separate file, because the page's policy forbids inline scripts.
try {
  const theme = localStorage.getItem('turngate:theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // No access to storage: use the system's theme.
}
