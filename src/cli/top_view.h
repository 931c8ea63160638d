#ifndef PAWL_CLI_TOP_VIEW_H
#define PAWL_CLI_TOP_VIEW_H

// Rows as a table that is sorted, filtered and walked through.

#include "base/buf.h"
#include "cli/top.h"

struct pawl_top_view {
    const struct pawl_top_column *columns;
    size_t sort; // number of the column
    bool descending;
    char filter[64];            // rows are shown that have it in their first column
    size_t first;               // row that is drawn first
    size_t selected;            // of |shown|
    char chosen[PAWL_TOP_CELL]; // what stands in it, by which it is found again
    json_t *shown;
};

// Sorts by the first column, which is that of names.
void pawl__top_view_init(struct pawl_top_view *view, const struct pawl_top_column *columns);
void pawl__top_view_finish(struct pawl_top_view *view);

// Shows |rows|; the row that was selected stays so.
void pawl__top_view_set(struct pawl_top_view *view, const json_t *rows);

// Selects the row |step| further down.
void pawl__top_view_move(struct pawl_top_view *view, int step);

// The next column to sort by: numbers with the largest first.
void pawl__top_view_sort(struct pawl_top_view *view);

// The selected row; NULL: there is none.
const json_t *pawl__top_view_row(const struct pawl_top_view *view);

// Appends the head and as many rows as |rows| lines have room for, of at most |width| characters.
// |live|: the selected row is marked; |colour|: alarms are red.
void pawl__top_view_draw(struct pawl_top_view *view, struct pawl_buf *out, size_t rows,
                         size_t width, bool live, bool colour);

#endif
