// What is this workflow doing, why does it not go on, and what can I do?

import { useEffect, useState } from 'preact/hooks';
import { path, withQuery } from '../api';
import { useLive } from '../live';
import type { App, Failure, Group, History, HistoryEvent, Instance, Timeline } from '../model';
import { go, link, route } from '../route';
import { clock, duration, now } from '../time';
import { TimelineView } from '../timeline/view';
import { Badge, Copy, Refusal, Time } from '../ui/basics';
import { Payload, visible } from '../ui/json';
import { ActionButtons, RerunDialog, StartDialog, type Draft } from './actions';

const TABS = ['timeline', 'history', 'data', 'json'] as const;
type Tab = (typeof TABS)[number];

export function InstancePage({ id, app }: { id: string; app: App | undefined }) {
  const { value, error, refresh } = useLive<Instance & { at: number }>(path('instances', id), 1000, id);
  const [draft, setDraft] = useState<Draft | undefined>(undefined);
  const wanted = route.value.segments[2] as Tab | undefined;
  const tab: Tab = wanted && TABS.includes(wanted) ? wanted : 'timeline';
  const instance = value.value;
  const refused = error.value?.trouble === 'refused';

  if (!instance)
    return (
      <main>
        <h1>{id}</h1>
        <Refusal error={error.value} />
        {refused && (
          <p>
            <a href={link(['instances'], { q: id.slice(0, 8) })}>Look for ids that begin alike</a>
          </p>
        )}
      </main>
    );

  return (
    <main class="instance">
      {refused && <p class="notice">It is not there any more: it was purged while you looked. This is what it was.</p>}
      <header class="instance-head">
        <div class="title">
          <Badge status={instance.status} />
          <h1>{instance.name}</h1>
          <span class="id">
            {instance.id} <Copy text={instance.id} what="the id" />
          </span>
        </div>
        <ActionButtons instance={instance} readOnly={app?.readOnly ?? true} onDone={(verb) => (verb === 'purge' ? go(link(['instances'])) : refresh())} />
      </header>
      <p class="sentence">{instance.sentence}</p>
      <Facts instance={instance} onStartLike={() => setDraft({ name: instance.name, input: instance.input ?? '' })} />
      {instance.failed && <FailureView failure={instance.failed} />}
      {instance.stalled && <p class="refusal">{instance.stalled}</p>}
      <nav class="tabs" role="tablist">
        {TABS.map((one) => (
          <a key={one} role="tab" aria-selected={one === tab} href={link(['instance', id, one])}>
            {{ timeline: 'Timeline', history: 'History', data: 'Input & output', json: 'JSON' }[one]}
          </a>
        ))}
      </nav>
      {tab === 'timeline' && <TimelineTab instance={instance} />}
      {tab === 'history' && <HistoryTab instance={instance} readOnly={app?.readOnly ?? true} />}
      {tab === 'data' && <DataTab instance={instance} hidden={app?.hidePayloads ?? false} />}
      {tab === 'json' && <JsonTab instance={instance} />}
      {draft && (
        <StartDialog
          draft={draft}
          onClose={() => setDraft(undefined)}
          onStarted={(started) => {
            setDraft(undefined);
            go(link(['instance', started]));
          }}
        />
      )}
    </main>
  );
}

function Facts({ instance, onStartLike }: { instance: Instance; onStartLike: () => void }) {
  const end = instance.ended ?? now();
  return (
    <dl class="facts">
      <div>
        <dt>Created</dt>
        <dd>
          <Time at={instance.created} />
        </dd>
      </div>
      {instance.started !== undefined && (
        <div>
          <dt>Waited to begin</dt>
          <dd>{duration(instance.started - instance.created)}</dd>
        </div>
      )}
      <div>
        <dt>{instance.ended ? 'Took' : 'For'}</dt>
        <dd>{duration(end - instance.created)}</dd>
      </div>
      {instance.ended !== undefined && (
        <div>
          <dt>Ended</dt>
          <dd>
            <Time at={instance.ended} />
          </dd>
        </div>
      )}
      <div>
        <dt>Events</dt>
        <dd>{instance.events.toLocaleString()}</dd>
      </div>
      {instance.version && (
        <div>
          <dt>Version</dt>
          <dd>{instance.version}</dd>
        </div>
      )}
      {instance.parent && (
        <div>
          <dt>Parent</dt>
          <dd>
            <a href={link(['instance', instance.parent])}>{instance.parent}</a>
          </dd>
        </div>
      )}
      {instance.customStatus && (
        <div>
          <dt>Says</dt>
          <dd>{visible(instance.customStatus)}</dd>
        </div>
      )}
      {Object.entries(instance.tags ?? {}).map(([key, value]) => (
        <div key={key}>
          <dt>{visible(key)}</dt>
          <dd>{visible(value)}</dd>
        </div>
      ))}
      <div>
        <dt class="sr-only">More</dt>
        <dd>
          <button type="button" class="plain" onClick={onStartLike}>
            start like this …
          </button>{' '}
          <a href={link(['instances'], { q: `parent:${instance.id}` })}>children</a>
        </dd>
      </div>
    </dl>
  );
}

function FailureView({ failure }: { failure: Failure }) {
  return (
    <div class="failure">
      <h2>
        {visible(failure.type)}: <span>{visible(failure.message)}</span>
      </h2>
      {failure.stack && (
        <details>
          <summary>stack trace</summary>
          <pre tabIndex={0}>{visible(failure.stack)}</pre>
        </details>
      )}
      {failure.cause && (
        <div class="cause">
          caused by <FailureView failure={failure.cause} />
        </div>
      )}
    </div>
  );
}

// --- timeline ------------------------------------------------------------------------------------

function TimelineTab({ instance }: { instance: Instance }) {
  const ended = instance.ended !== undefined;
  const { value, error } = useLive<Timeline>(path('instances', instance.id, 'timeline'), ended ? 10000 : 1000, instance.id);
  const [selected, setSelected] = useState<number | undefined>(undefined);
  const timeline = value.value;
  const group = selected === undefined ? undefined : timeline?.groups[selected];
  return (
    <>
      <Refusal error={error.value} />
      {timeline && (
        <TimelineView timeline={timeline} selected={selected} onSelect={setSelected} onOpen={(child) => go(link(['instance', child]))} />
      )}
      {group && <GroupDetails key={group.events[0]} id={instance.id} group={group} />}
    </>
  );
}

function GroupDetails({ id, group }: { id: string; group: Group }) {
  return (
    <section class="details" aria-label={`${group.kind} ${group.name}`}>
      <h2>
        {group.kind} {group.name}
      </h2>
      <p class="quiet">
        {clock(group.start)}
        {group.end !== undefined && ` – ${clock(group.end)}, ${duration(group.end - group.start)}`}
        {group.attempts > 1 && `, ${group.attempts} attempts`}
        {group.child && (
          <>
            {' · '}
            <a href={link(['instance', group.child])}>{group.child}</a>
          </>
        )}
      </p>
      {group.events.map((number) => (
        <EventView key={number} id={id} number={number} open />
      ))}
    </section>
  );
}

// One event in full, fetched when it is looked at.
function EventView({ id, number, open }: { id: string; number: number; open: boolean }) {
  const { value, error } = useLive<HistoryEvent & { at: number }>(open ? path('instances', id, 'events', String(number)) : undefined, 1e8);
  const event = value.value;
  if (!event) return <Refusal error={error.value} />;
  return (
    <div class="event-full">
      <h3>
        {event.type} <span class="quiet">{clock(event.at)}</span>
      </h3>
      {Object.entries(event.fields).map(([key, field]) =>
        field !== null && typeof field === 'object' ? (
          <Payload key={key} label={key} text={JSON.stringify(field)} />
        ) : String(field).length > 60 || /^[[{"]/.test(String(field)) ? (
          <Payload key={key} label={key} text={String(field)} />
        ) : (
          <p key={key}>
            <span class="quiet">{key}</span> {visible(String(field))}
          </p>
        ),
      )}
    </div>
  );
}

// --- history -------------------------------------------------------------------------------------

const EVENTS = 200; // a page

// From these a workflow that has ended can be run again.
const AGAIN = /^(taskScheduled|timerCreated|childWorkflowInstanceCreated)$/i;

function HistoryTab({ instance, readOnly }: { instance: Instance; readOnly: boolean }) {
  const [again, setAgain] = useState<HistoryEvent | undefined>(undefined);
  const [from, setFrom] = useState(0);
  const [word, setWord] = useState('');
  const [opened, setOpened] = useState<number | undefined>(undefined);
  const where = withQuery(path('instances', instance.id, 'events'), { from, n: EVENTS });
  const { value, error } = useLive<History & { at: number }>(where, instance.ended !== undefined ? 10000 : 1000, instance.id);
  const history = value.value;
  useEffect(() => setFrom(0), [instance.id]);
  const fits = (event: HistoryEvent): boolean => !word || JSON.stringify(event).toLowerCase().includes(word.toLowerCase());
  const shown = history?.events.filter(fits) ?? [];
  return (
    <section aria-label="History">
      <Refusal error={error.value} />
      <div class="history-tools">
        <input type="search" placeholder="find in these events" aria-label="Find in these events" value={word} onInput={(event) => setWord(event.currentTarget.value)} />
        {history && history.total > EVENTS && (
          <span>
            <button type="button" disabled={from === 0} onClick={() => setFrom(Math.max(0, from - EVENTS))}>
              earlier
            </button>{' '}
            {(from + 1).toLocaleString()}–{Math.min(from + EVENTS, history.total).toLocaleString()} of {history.total.toLocaleString()}{' '}
            <button type="button" disabled={from + EVENTS >= history.total} onClick={() => setFrom(from + EVENTS)}>
              later
            </button>
          </span>
        )}
      </div>
      <ol class="events">
        {shown.map((event) => (
          <li key={event.number} class={/Failed|Terminated|Stalled/.test(event.type) ? 'bad' : ''}>
            <button type="button" class="plain event" aria-expanded={opened === event.number} onClick={() => setOpened(opened === event.number ? undefined : event.number)}>
              <span class="number">{event.number + 1}</span>
              <span class="at">{clock(event.at)}</span>
              <span class="type">{event.type}</span>
              <span class="of">{event.name ?? ''}</span>
              <span class="preview">{preview(event)}</span>
            </button>
            {opened === event.number && <EventView id={instance.id} number={event.number} open />}
            {opened === event.number && instance.ended !== undefined && !instance.parent && AGAIN.test(event.type) && (
              <button type="button" disabled={readOnly} title={readOnly ? 'this dashboard only reads' : 'a new workflow goes on from this event'} onClick={() => setAgain(event)}>
                Rerun from here …
              </button>
            )}
          </li>
        ))}
      </ol>
      {history && shown.length === 0 && <p class="empty">No event fits.</p>}
      {again && (
        <RerunDialog
          id={instance.id}
          event={again}
          onClose={() => setAgain(undefined)}
          onStarted={(started) => {
            setAgain(undefined);
            go(link(['instance', started]));
          }}
        />
      )}
    </section>
  );
}

// What an event carries, in one line: its result or input or failure.
function preview(event: HistoryEvent): string {
  const { result, input, failureDetails, reason } = event.fields as Record<string, unknown>;
  const failure = failureDetails as { errorType?: string; errorMessage?: string } | undefined;
  if (failure) return visible(`${failure.errorType ?? ''}: ${failure.errorMessage ?? ''}`);
  const value = result ?? input ?? reason;
  return value === undefined ? '' : visible(typeof value === 'string' ? value : JSON.stringify(value));
}

// --- data and JSON -------------------------------------------------------------------------------

function DataTab({ instance, hidden }: { instance: Instance; hidden: boolean }) {
  if (hidden) return <p class="empty">Payloads are hidden on this dashboard (--hide-payloads).</p>;
  return (
    <section aria-label="Input and output">
      <Payload label="Input" text={instance.input} />
      <Payload label="Output" text={instance.output} />
      <Payload label="Custom status" text={instance.customStatus} />
      {instance.input === undefined && instance.output === undefined && <p class="empty">It has neither input nor output.</p>}
    </section>
  );
}

function JsonTab({ instance }: { instance: Instance }) {
  const { value, error } = useLive<History & { at: number }>(withQuery(path('instances', instance.id, 'events'), { from: 0, n: 1000, full: 1 }), 1e8);
  const text = value.value && JSON.stringify({ instance, events: value.value.events });
  const save = (): void => {
    const url = URL.createObjectURL(new Blob([text!], { type: 'application/json' }));
    const anchor = Object.assign(document.createElement('a'), { href: url, download: `${instance.id}.json` });
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  };
  return (
    <section aria-label="JSON">
      <Refusal error={error.value} />
      {text && (
        <p>
          <button type="button" onClick={save}>
            Save as a file
          </button>
        </p>
      )}
      <Payload label="Instance and events" text={text} />
    </section>
  );
}
