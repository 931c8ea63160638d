// Light, dark, or as the system is. A browser that keeps nothing for us still works.

const ORDER = ['', 'light', 'dark'] as const;

function kept(): string {
  try {
    return localStorage.getItem('pawl-theme') ?? '';
  } catch {
    return '';
  }
}

function apply(theme: string): void {
  document.documentElement.dataset['theme'] = theme;
}

export function begin(): void {
  apply(kept());
}

export function next(): void {
  const theme = ORDER[(ORDER.indexOf(kept() as (typeof ORDER)[number]) + 1) % ORDER.length]!;
  try {
    localStorage.setItem('pawl-theme', theme);
  } catch {
    // The choice then holds for this page only.
  }
  apply(theme);
}
