#ifndef PAWL_API_SCRAPE_TELL_H
#define PAWL_API_SCRAPE_TELL_H

// What a row of the table of metrics (scrape.c) tells: the points of one family, each with its
// labels.

#include "api/numbers.h"
#include "api/scrape_source.h"

// One answer under way.
struct pawl_scraping {
    const struct pawl_scrape_source *source;
    struct pawl_scrape *out;
    struct pawl_numbers numbers;
    struct pawl_process_numbers process;
};

enum {
    PAWL_SCRAPE_LABELS = 8,
    PAWL_SCRAPE_POINTS = 4
};

// A family: a number of struct pawl_scraping for each value of a label, or what |tell| tells.
struct pawl_scrape_row {
    struct pawl_metric metric;
    const char *label; // NULL: there is one point
    struct {
        const char *value;
        size_t offset;
    } points[PAWL_SCRAPE_POINTS];
    void (*tell)(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row);
    int which; // for |tell|
};

struct pawl_scrape_labels {
    struct pawl_label items[PAWL_SCRAPE_LABELS];
    size_t count;
};

void pawl__scrape_label(struct pawl_scrape_labels *labels, const char *name, struct pawl_str value);

// The labels of all series: the app's; with most families of the reference also the namespace.
struct pawl_scrape_labels pawl__scrape_own(const struct pawl_scraping *scrape);
struct pawl_scrape_labels pawl__scrape_dapr(const struct pawl_scraping *scrape);

void pawl__scrape_value(const struct pawl_scraping *scrape, const struct pawl_scrape_labels *labels,
                        double value);

// A histogram, or, for a counter's row, how often it was fed; one that never was is left out.
void pawl__scrape_fed(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row,
                      const struct pawl_scrape_labels *labels,
                      const struct pawl_histogram *histogram);

// --- workflows: scrape_workflows.c ---------------------------------------------------------------

enum { // which, of workflows and activities
    PAWL_TELL_EXECUTION,
    PAWL_TELL_SCHEDULING,
    PAWL_TELL_PAYLOAD,
    PAWL_TELL_TURNS,
    PAWL_TELL_CONTINUED,
    PAWL_TELL_OPERATION
};

void pawl__tell_operations(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row);
void pawl__tell_workflows(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row);
void pawl__tell_activities(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row);
void pawl__tell_payloads(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row);
void pawl__tell_census(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row);

// --- requests: scrape_requests.c -----------------------------------------------------------------

void pawl__tell_rpcs(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row);
void pawl__tell_methods(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row);
void pawl__tell_http(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row);
void pawl__tell_http_bytes(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row);
void pawl__tell_codes(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row);
void pawl__tell_open(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row);

// --- stores: scrape_stores.c ---------------------------------------------------------------------

enum { // which, of a store
    PAWL_TELL_COMMITS,
    PAWL_TELL_COMMIT_TIME,
    PAWL_TELL_GROUP,
    PAWL_TELL_REFUSED,
    PAWL_TELL_FAILING,
    PAWL_TELL_SNAPSHOTS,
    PAWL_TELL_LOADS,
    PAWL_TELL_FAILED_LOADS,
    PAWL_TELL_READS,
    PAWL_TELL_FAILED_READS
};

enum { // which, of resiliency policies
    PAWL_TELL_DOCUMENTS,
    PAWL_TELL_USES,
    PAWL_TELL_ACTIVATIONS,
    PAWL_TELL_BREAKERS
};

void pawl__tell_policies(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row);
void pawl__tell_component(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row);
void pawl__tell_loaded(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row);
void pawl__tell_stores(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row);

#endif
