// The timeline of one workflow, and what a row of it holds.

import { useState } from 'preact/hooks';
import { path } from '../api';
import { useLive } from '../live';
import type { Group, HistoryEvent, Instance, Timeline } from '../model';
import { appLink, go, link, route } from '../route';
import { duration, grouped } from '../time';
import { endOf, isRetried, titleOf } from '../timeline/rows';
import { TimelineView } from '../timeline/view';
import { Time } from '../ui/basics';
import { Payload, visible } from '../ui/json';
import { EventView, RerunButton } from './events';

interface TabProps {
  instance: Instance;
  timeline: Timeline;
  readOnly: boolean;
  hidden: boolean;
}

export function TimelineTab({ instance, timeline, readOnly, hidden }: TabProps) {
  const [selected, setSelected] = useState<number | undefined>(undefined);
  const group = selected === undefined ? undefined : timeline.groups[selected];
  return (
    <>
      <TimelineView timeline={timeline} selected={selected} onSelect={setSelected} onOpen={(child) => go(link(['instance', child]))} />
      {group && <GroupDetails key={group.events[0]} instance={instance} group={group} groups={timeline.groups} readOnly={readOnly} />}
      {!group && !hidden && <Data instance={instance} />}
    </>
  );
}

export const Hidden = () => <p class="empty">Payloads are hidden on this dashboard (--hide-payloads).</p>;

// What the workflow was given, and what it gave.
export function Data({ instance }: { instance: Instance }) {
  const { input, output } = instance;
  if (input === undefined && output === undefined) return <p class="empty">It has neither input nor output.</p>;
  return (
    <div class="columns">
      <Payload label="Input" text={input} />
      <Payload label="Output" text={output} />
    </div>
  );
}

// A child in another app is seen there, where one page shows all apps.
export function Child({ group }: { group: Group }) {
  if (!group.child) return null;
  if (group.app === undefined) return <a href={link(['instance', group.child])}>{group.child}</a>;
  const there = `${appLink(group.app)}/instance/${encodeURIComponent(group.child)}`;
  return (
    <>
      {route.value.app === undefined ? group.child : <a href={there}>{group.child}</a>} <span class="quiet">in app {group.app}</span>
    </>
  );
}

const SHOWN = 12; // names in the preview of a rerun

function names(groups: readonly Group[]): string[] {
  const all = groups.filter((group) => group.kind !== 'event' && group.kind !== 'sent').map((group) => group.name || group.kind);
  return all.length > SHOWN ? [...all.slice(0, SHOWN), `${grouped(all.length - SHOWN)} more`] : all;
}

function GroupDetails({ instance, group, groups, readOnly }: { instance: Instance; group: Group; groups: readonly Group[]; readOnly: boolean }) {
  const first = group.events[0]!;
  const end = endOf(group);
  const event = useLive<HistoryEvent & { at: number }>(path('instances', instance.id, 'events', String(first)), 1e8).value.value;
  const before = groups.filter((one) => one !== group && one.events[0]! < first && one.outcome !== 'open' && one.events[one.events.length - 1]! < first);
  const after = groups.filter((one) => one === group || (one.events[0]! < first && !before.includes(one)));
  return (
    <section class="details" aria-label={titleOf(group)}>
      <h2>{visible(titleOf(group))}</h2>
      <p class="quiet">
        <Time at={group.start} exact />
        {end !== undefined && (
          <>
            {' '}
            – <Time at={end} exact />, {duration(end - group.start)}
          </>
        )}
        {group.attempts > 1 && `, ${group.attempts} attempts`}
        {isRetried(group) && ', the next one waits'}
        {group.app && !group.child && `, in app ${group.app}`}
        {group.child && ' · '}
        <Child group={group} />
      </p>
      {event && (
        <p>
          <RerunButton instance={instance} event={event} readOnly={readOnly} kept={names(before)} again={names(after)} />
        </p>
      )}
      {group.events.map((number) => (
        <EventView key={number} id={instance.id} number={number} />
      ))}
    </section>
  );
}
