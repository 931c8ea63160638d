// A history that somebody has kept in a file, looked at like one that a daemon has. It is in no store, and nothing can be done to it.

import { signal } from '@preact/signals';
import { useState } from 'preact/hooks';
import { ApiError, readHistory } from '../api';
import type { HistoryEvent, Timeline } from '../model';
import { duration, grouped } from '../time';
import { titleOf } from '../timeline/rows';
import { TimelineView } from '../timeline/view';
import { Refusal, Time } from '../ui/basics';
import { visible } from '../ui/json';
import { EventFields } from './events';
import { EventsWindow } from './window';

interface Opened {
  file: string;
  timeline: Timeline;
  events: ReadonlyMap<number, HistoryEvent>;
}

// The page may be left and come back to.
const opened = signal<Opened | undefined>(undefined);

// An event as 'pawl workflow export' writes it.
function eventOf(wire: Record<string, unknown>, number: number): HistoryEvent {
  const [type = '', body] = Object.entries(wire).find(([key, value]) => key !== 'router' && typeof value === 'object') ?? [];
  const fields = (body ?? {}) as Record<string, unknown>;
  return { number, id: Number(wire['eventId'] ?? 0), at: Date.parse(String(wire['timestamp'])), type, fields, ...(typeof fields['name'] === 'string' && { name: fields['name'] }) };
}

async function open(file: File): Promise<void> {
  const timeline = await readHistory(file);
  const events = (JSON.parse(await file.text()) as Record<string, unknown>[]).map(eventOf);
  opened.value = { file: file.name, timeline, events: new Map(events.map((event) => [event.number, event])) };
}

export function FilePage() {
  const [error, setError] = useState<ApiError | undefined>(undefined);
  const take = async (file: File | undefined): Promise<void> => {
    if (!file) return;
    try {
      await open(file);
      setError(undefined);
    } catch (caught) {
      setError(caught instanceof ApiError ? caught : new ApiError('refused', String(caught)));
    }
  };
  return (
    <main
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        void take(event.dataTransfer?.files[0]);
      }}
    >
      <div class="page-head">
        <h1>History in a file</h1>
        <label class="file">
          Open a file{' '}
          <input
            type="file"
            accept=".json,application/json"
            onChange={(changed) => {
              void take(changed.currentTarget.files?.[0]);
              changed.currentTarget.value = '';
            }}
          />
        </label>
      </div>
      <Refusal error={error} />
      {opened.value ? (
        <History key={opened.value.file + opened.value.timeline.at} of={opened.value} />
      ) : (
        <p class="empty drop">
          Open what <code>pawl workflow export</code> or <i>Save as a file</i> wrote, or drop it here. It is looked at, and kept nowhere.
        </p>
      )}
    </main>
  );
}

function History({ of }: { of: Opened }) {
  const [selected, setSelected] = useState<number | undefined>(undefined);
  const { timeline, events, file } = of;
  const all = [...events.values()];
  const begun = all.find((event) => event.type === 'executionStarted')?.fields as { name?: string; workflowInstance?: { instanceId?: string } } | undefined;
  const group = selected === undefined ? undefined : timeline.groups[selected];
  return (
    <>
      <p class="sentence">
        <b>{visible(begun?.name ?? '')}</b> <span class="id">{visible(begun?.workflowInstance?.instanceId ?? '')}</span>, from {file}
      </p>
      <p class="quiet">
        <Time at={timeline.start} />
        {timeline.end === undefined ? (
          ', had not ended'
        ) : (
          <>
            {' '}
            – <Time at={timeline.end} />, {duration(timeline.end - timeline.start)}
          </>
        )}
        , {grouped(events.size)} events
      </p>
      <TimelineView timeline={{ ...timeline, end: timeline.end ?? all[all.length - 1]!.at }} selected={selected} onSelect={setSelected} onOpen={() => {}} />
      {group && (
        <section class="details" aria-label={titleOf(group)}>
          <h2>
            {visible(titleOf(group))}
          </h2>
          {group.events.map((number) => events.get(number) && <EventFields key={number} event={events.get(number)!} />)}
        </section>
      )}
      <h2>Events</h2>
      <EventsWindow events={events} total={events.size} more={(event) => <EventFields event={event} />} />
    </>
  );
}
