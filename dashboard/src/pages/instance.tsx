// What is this workflow doing, why does it not go on, and what can I do?

import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { getText, path, withQuery, type ApiError } from '../api';
import { useLive } from '../live';
import type { App, Columns, Instance } from '../model';
import { go, link, route } from '../route';
import { duration, grouped, now, UTC } from '../time';
import { timelineOf } from '../timeline/columns';
import { Badge, Copy, Refusal, Time } from '../ui/basics';
import { Payload, visible } from '../ui/json';
import { ActionButtons, StartDialog, type Draft } from './actions';
import { saysOf } from './columns';
import { CompareDialog } from './compare';
import { FailureView } from './failure';
import { HistoryTab } from './history';
import { plain } from './sentence';
import { Data, Hidden, TimelineTab } from './steps';
import { TreeTab } from './tree';
import { Waits } from './waits';

const TABS = ['timeline', 'history', 'data', 'tree', 'json'] as const;
type Tab = (typeof TABS)[number];

export function InstancePage({ id, app }: { id: string; app: App | undefined }) {
  // With its timeline, as both are read from the history, which of a long one takes most of the time.
  const { value, error, refresh } = useLive<Instance & { at: number; timeline?: Columns }>(
    withQuery(path('instances', id), { timeline: 'columns' }),
    1000,
    id,
    (one) => one.ended !== undefined,
  );
  const [draft, setDraft] = useState<Draft | undefined>(undefined);
  const [comparing, setComparing] = useState(false);
  const wanted = route.value.segments[2] as Tab | undefined;
  const tab: Tab = wanted && TABS.includes(wanted) ? wanted : 'timeline';
  const instance = value.value;
  const timeline = useMemo(() => instance?.timeline && timelineOf(instance.timeline), [instance]);
  const refused = error.value?.trouble === 'refused';
  const readOnly = app?.readOnly ?? true;
  const hidden = app?.hidePayloads ?? false;

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
        <div class="actions">
          <button type="button" onClick={() => setComparing(true)}>
            Compare …
          </button>
          <button
            type="button"
            disabled={readOnly || hidden}
            title={readOnly ? 'this dashboard only reads' : hidden ? 'its input is hidden on this dashboard' : undefined}
            onClick={() => setDraft({ name: instance.name, input: instance.input ?? '' })}
          >
            Start like this …
          </button>
          <ActionButtons instance={instance} readOnly={readOnly} onDone={(verb) => (verb === 'purge' ? go(link(['instances'])) : refresh())} />
        </div>
      </header>
      <Sentence instance={instance} />
      {instance.waits.length > 1 && <Waits waits={instance.waits} />}
      <Facts instance={instance} />
      {instance.failed && <FailureView failure={instance.failed} told={instance.sentence} />}
      {instance.stalled && !instance.sentence.includes(instance.stalled) && <p class="refusal">{instance.stalled}</p>}
      <nav class="tabs" role="tablist">
        {TABS.map((one) => (
          <a key={one} role="tab" aria-selected={one === tab} href={link(['instance', id, one])}>
            {{ timeline: 'Timeline', history: 'History', data: 'Input & output', tree: 'Parents & children', json: 'JSON' }[one]}
          </a>
        ))}
      </nav>
      {tab === 'timeline' && timeline && <TimelineTab instance={instance} timeline={timeline} readOnly={readOnly} hidden={hidden} />}
      {tab === 'history' && <HistoryTab instance={instance} readOnly={readOnly} />}
      {tab === 'data' && <DataTab instance={instance} hidden={hidden} />}
      {tab === 'tree' && <TreeTab instance={instance} appId={app?.appId} />}
      {tab === 'json' && (hidden ? <Hidden /> : <JsonTab instance={instance} />)}
      {comparing && <CompareDialog instance={instance} onClose={() => setComparing(false)} />}
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

// What it does, with times as this page shows them and a link to the child that it waits for.
function Sentence({ instance }: { instance: Instance }) {
  const child = instance.waits.find((wait) => wait.child && instance.sentence.includes(wait.child))?.child;
  const withChild = (text: string): ComponentChildren => {
    const at = child === undefined ? -1 : text.indexOf(child);
    if (at < 0) return visible(text);
    return [visible(text.slice(0, at)), <a href={link(['instance', child!])}>{visible(child!)}</a>, visible(text.slice(at + child!.length))];
  };
  return (
    <p class={`sentence${instance.status === 'FAILED' || instance.status === 'STALLED' ? ' bad' : ''}`}>
      {plain(instance.sentence).split(UTC).map((part, index) => (index % 2 ? <Time key={index} at={Date.parse(part)} /> : withChild(part)))}
    </p>
  );
}

function Facts({ instance }: { instance: Instance }) {
  const end = instance.ended ?? now();
  return (
    <dl class="facts">
      <div>
        <dt>Created</dt>
        <dd>
          <Time at={instance.created} />
        </dd>
      </div>
      {instance.started !== undefined && instance.started - instance.created >= 1 && (
        <div>
          <dt>Waited to begin</dt>
          <dd>{duration(instance.started - instance.created)}</dd>
        </div>
      )}
      <div>
        <dt>{instance.ended ? 'Took' : 'Open for'}</dt>
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
        <dd>{grouped(instance.events)}</dd>
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
          <dd>{visible(saysOf(instance.customStatus))}</dd>
        </div>
      )}
      {Object.entries(instance.tags ?? {}).map(([key, value]) => (
        <div key={key}>
          <dt>{visible(key)}</dt>
          <dd>{visible(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

// --- data and JSON -------------------------------------------------------------------------------

function DataTab({ instance, hidden }: { instance: Instance; hidden: boolean }) {
  if (hidden) return <Hidden />;
  return (
    <section aria-label="Input and output">
      <Data instance={instance} />
      <Payload label="Custom status" text={instance.customStatus} />
    </section>
  );
}

const READABLE = 2000; // events that are shown as text

function JsonTab({ instance }: { instance: Instance }) {
  const [text, setText] = useState<string | undefined>(undefined);
  const [error, setError] = useState<ApiError | undefined>(undefined);
  const read = async (): Promise<string> => {
    const told = await getText(path('instances', instance.id, 'history'));
    setText(told);
    return told;
  };
  useEffect(() => {
    if (instance.events <= READABLE) read().catch(setError);
  }, [instance.id, instance.events]);
  const save = async (): Promise<void> => {
    try {
      const url = URL.createObjectURL(new Blob([`${await read()}\n`], { type: 'application/json' }));
      Object.assign(document.createElement('a'), { href: url, download: `${instance.id}.json` }).click();
      setTimeout(() => URL.revokeObjectURL(url), 1000);
    } catch (caught) {
      setError(caught as ApiError);
    }
  };
  return (
    <section aria-label="JSON">
      <Refusal error={error} />
      <p>
        <button type="button" onClick={save}>
          Save as a file
        </button>{' '}
        <span class="quiet">
          as <code>pawl workflow export</code> writes it; <code>pawl workflow replay</code> and <a href={link(['file'])}>this page</a> read it
        </span>
      </p>
      {instance.events <= READABLE && <Payload label="History" text={text} />}
    </section>
  );
}
