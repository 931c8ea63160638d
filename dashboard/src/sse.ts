// Server-sent events in text.

export interface ServerEvent {
  event?: string;
  id?: string;
  data?: string;
}

// Parses the events of a stream, as the HTML standard has them, as far as the daemon uses that.
export function parseEvents(text: string): { events: ServerEvent[]; rest: string } {
  const blocks = text.split('\n\n');
  const rest = blocks.pop()!;
  const events = blocks.map((block) => {
    const event: ServerEvent = {};
    for (const line of block.split('\n')) {
      const at = line.indexOf(': ');
      const name = line.slice(0, at);
      if (name === 'event' || name === 'id' || name === 'data') event[name] = line.slice(at + 2);
    }
    return event;
  });
  return { events, rest };
}
