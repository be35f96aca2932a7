// Runs before the first paint, so that a chosen theme doesn't flash. A file, since the page's policy forbids inline scripts.
try {
  const theme = localStorage.getItem('turngate:theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage is closed to us: the system's theme it is.
}
