#ifndef PAWL_API_SCRAPE_H
#define PAWL_API_SCRAPE_H

// Everything that a daemon tells when its metrics are read. Each family has a row; docs/metrics.md
// has the same table for people.

#include "api/scrape_source.h"

// Writes all of it, but for the end.
void pawl__scrape_write(const struct pawl_scrape_source *source, struct pawl_scrape *scrape);

#endif
