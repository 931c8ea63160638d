#ifndef PAWL_CLI_TOP_H
#define PAWL_CLI_TOP_H

// 'pawl top': what all daemons on this machine are doing, or the workflows of one app, as rows that
// are read again and again.

#include <jansson.h>
#include <stdbool.h>

#include "cli/find.h"

enum pawl_top_unit {
    PAWL_TOP_TEXT,
    PAWL_TOP_COUNT,
    PAWL_TOP_RATE,    // of a second
    PAWL_TOP_SECONDS, // how long something takes or has waited
    PAWL_TOP_SHARE,   // of one core
    PAWL_TOP_BYTES,
};

struct pawl_top_column {
    const char *head; // NULL: the end
    const char *key;  // of the rows' values
    enum pawl_top_unit unit;
    bool alarms; // more than nothing needs somebody's attention
};

extern const struct pawl_top_column pawl__top_apps[];      // a row for each daemon
extern const struct pawl_top_column pawl__top_workflows[]; // a row for each workflow of an app

struct pawl_top {
    struct pawl_found found[PAWL_FOUND_MAX];
    json_t *last, *next; // what counters said, by name: [value, when]
    double now;          // milliseconds since 1970, by the daemon that was asked
};

// Asks all daemons, or with |app| those of that app, and gives the rows; NULL: memory is out.
// Rates are told from the second time on.
json_t *pawl__top_read_apps(struct pawl_top *top, const char *app);
json_t *pawl__top_read_workflows(struct pawl_top *top, const char *app);

void pawl__top_finish(struct pawl_top *top);

enum {
    PAWL_TOP_CELL = 300
};

// What is shown of the value of |column|; "-" when there is none.
void pawl__top_format(const json_t *row, const struct pawl_top_column *column,
                      char out[PAWL_TOP_CELL]);

#endif
