// Keys of lists, which must not take what somebody types.

export const isTyping = (event: KeyboardEvent): boolean => (event.target as HTMLElement).closest('input, textarea, select, dialog') !== null;

// Keys that go to the list of a page while nothing has the focus.
const OF_LISTS = new Set(['j', 'k', 'f', 'b', 'ArrowDown', 'ArrowUp']);

// Hands |event| to the list of the page, if it is for one. Each list has the attribute data-rows.
export function toList(event: KeyboardEvent): boolean {
  const list = event.target === document.body && OF_LISTS.has(event.key) ? document.querySelector<HTMLElement>('main [data-rows]') : null;
  if (!list) return false;
  list.focus();
  list.dispatchEvent(new KeyboardEvent('keydown', { key: event.key, bubbles: true }));
  return true;
}
