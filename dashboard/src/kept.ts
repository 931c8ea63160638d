// What this browser keeps for us: taste, not facts. A browser that keeps nothing still works; what it kept may be of another version, or of
// somebody else who served a page at this address.

export function kept<T>(key: string, fits: (value: unknown) => value is T, otherwise: T): T {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(`pawl-${key}`) ?? 'null');
    return fits(value) ? value : otherwise;
  } catch {
    return otherwise;
  }
}

// False: it holds for this page only.
export function keep(key: string, value: unknown): boolean {
  try {
    localStorage.setItem(`pawl-${key}`, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}
