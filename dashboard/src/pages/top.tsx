// The bar on top of every page. What is in it before anything is known stands in index.html, too, and is painted from there.

import type { ComponentChildren } from 'preact';
import { helping, link, route } from '../route';
import * as theme from '../theme';
import { ofAll } from '../where';

export function Top({ children }: { children?: ComponentChildren }) {
  return (
    <header class="top">
      <a class="brand" href={ofAll ? '#/' : link([])}>
        pawl
      </a>
      {ofAll && (
        <a href="#/" title="all apps" aria-current={route.value.app === undefined && !children ? 'page' : undefined}>
          Apps
        </a>
      )}
      {children}
      {!children && <span class="spacer" />}
      <button type="button" class="plain" aria-label="light or dark" title="light or dark (t)" onClick={theme.next}>
        ◐
      </button>
      <button type="button" class="plain" aria-label="keys" title="keys (?)" onClick={() => (helping.value = true)}>
        ?
      </button>
    </header>
  );
}
