// Who started this workflow, and whom it started: up to the one that nobody started, and down as far as one opens. Children in other apps are
// among them, as the history of the parent has them.

import { useEffect, useState } from 'preact/hooks';
import { ApiError, get, path } from '../api';
import { useLive } from '../live';
import type { Group, Instance, Timeline } from '../model';
import { link } from '../route';
import { duration, grouped, now } from '../time';
import { Badge } from '../ui/basics';
import { Child } from './steps';

const UP = 20; // parents of parents
const SHOWN = 100; // children of one
const OPENED = 4; // generations that are opened by themselves,
const FEW = 5; // where one has no more children than this

export function TreeTab({ instance, appId }: { instance: Instance; appId: string | undefined }) {
  const above = useParents(instance);
  return (
    <section aria-label="Parents and children" class="tree">
      {above.elsewhere !== undefined && (
        <p class="quiet">
          Its {above.found.length ? 'first parent' : 'parent'}, {above.elsewhere}, is not of app {appId}: it lives in another one, or was purged.
        </p>
      )}
      <Chain parents={above.found} instance={instance} />
    </section>
  );
}

// The parents from the top down, each within the one above it.
function Chain({ parents, instance }: { parents: Instance[]; instance: Instance }) {
  const [first, ...rest] = parents;
  return (
    <ul>
      {first ? (
        <li>
          <Badge status={first.status} /> {first.name} <a href={link(['instance', first.id, 'tree'])}>{first.id}</a>
          <Chain parents={rest} instance={instance} />
        </li>
      ) : (
        <Node id={instance.id} name={instance.name} />
      )}
    </ul>
  );
}

function useParents(instance: Instance): { found: Instance[]; elsewhere: string | undefined } {
  const [found, setFound] = useState<Instance[]>([]);
  const [elsewhere, setElsewhere] = useState<string | undefined>(undefined);
  useEffect(() => {
    let stopped = false;
    const climb = async (): Promise<void> => {
      const above: Instance[] = [];
      for (let parent = instance.parent; parent && above.length < UP && !stopped; parent = above[0]!.parent) {
        try {
          above.unshift(await get<Instance>(path('instances', parent)));
        } catch (error) {
          if (error instanceof ApiError && error.trouble === 'refused') setElsewhere(parent);
          break;
        }
      }
      if (!stopped) setFound(above);
    };
    void climb();
    return () => {
      stopped = true;
    };
  }, [instance.id, instance.parent]);
  return { found, elsewhere };
}

// |depth|: below the workflow that is looked at; |few|: it has few siblings.
function Node({ id, name, depth = 0, few = true }: { id: string; name: string; depth?: number; few?: boolean }) {
  const here = depth === 0;
  const [open, setOpen] = useState(few && depth < OPENED);
  const instance = useLive<Instance & { at: number }>(path('instances', id), 3000, id).value.value;
  const timeline = useLive<Timeline>(open ? path('instances', id, 'timeline') : undefined, 3000, id).value.value;
  const children = (timeline?.groups ?? []).filter((group) => group.child && (group.kind === 'child' || group.kind === 'detached'));
  return (
    <li>
      <button type="button" class="plain" aria-expanded={open} aria-label={`children of ${id}`} onClick={() => setOpen(!open)}>
        {open ? '▾' : '▸'}
      </button>{' '}
      {instance && <Badge status={instance.status} />} {name} {here ? <b class="id">{id}</b> : <a href={link(['instance', id, 'tree'])}>{id}</a>}{' '}
      {instance && <span class="quiet">{duration((instance.ended ?? now()) - instance.created)}</span>}
      {here && instance && !instance.parent && <span class="quiet"> · no workflow started it</span>}
      {here && timeline && children.length === 0 && <p class="quiet">It has started no other workflow.</p>}
      {open && children.length > 0 && (
        <ul>
          {children.slice(0, SHOWN).map((group) =>
            group.app === undefined ? (
              <Node key={group.child} id={group.child!} name={group.kind === 'detached' ? '' : group.name} depth={depth + 1} few={children.length <= FEW} />
            ) : (
              <Foreign key={group.child} group={group} />
            ),
          )}
          {children.length > SHOWN && (
            <li>
              <a href={link(['instances'], { q: `parent:${id}` })}>{grouped(children.length - SHOWN)} more</a>
            </li>
          )}
        </ul>
      )}
    </li>
  );
}

// What the parent knows of a child in another app.
function Foreign({ group }: { group: Group }) {
  const status = group.outcome === 'open' ? 'RUNNING' : group.outcome === 'failed' ? 'FAILED' : 'COMPLETED';
  return (
    <li>
      <Badge status={status} /> {group.name} <Child group={group} /> <span class="quiet">{duration((group.end ?? now()) - group.start)}</span>
    </li>
  );
}
