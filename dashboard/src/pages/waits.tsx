// For what a workflow waits now, when it is more than one thing.

import type { Wait } from '../model';
import { link } from '../route';
import { clock, duration, grouped, now } from '../time';
import { visible } from '../ui/json';

const SHOWN = 20;

const KINDS: Record<Wait['kind'], string> = {
  activity: 'activity',
  child: 'child',
  timer: 'timer',
  event: 'event',
  retry: 'next attempt of',
  turn: 'turn',
};

export function Waits({ waits }: { waits: Wait[] }) {
  return (
    <ul class="waits" aria-label="Waits for">
      {waits.slice(0, SHOWN).map((wait, index) => (
        <li key={index}>
          {KINDS[wait.kind]} {wait.child ? <a href={link(['instance', wait.child])}>{wait.name || wait.child}</a> : wait.name && <b>{visible(wait.name)}</b>}
          {wait.attempt > 1 && `, attempt ${wait.attempt}`}, for {duration(now() - wait.since)}
          {wait.until !== undefined && `, until ${clock(wait.until)}`}
          {wait.lacksWorker && <span class="why"> no worker has it</span>}
          {wait.error && <span class="why"> {visible(wait.error)}</span>}
        </li>
      ))}
      {waits.length > SHOWN && <li class="quiet">and {grouped(waits.length - SHOWN)} more</li>}
    </ul>
  );
}
