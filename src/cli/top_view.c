#include "cli/top_view.h"

#include <string.h>

enum {
    VIEW_COLUMNS = 16,
    VIEW_NAME = 44, // most characters of the first column
};

void pawl__top_view_init(struct pawl_top_view *view, const struct pawl_top_column *columns) {
    *view = (struct pawl_top_view){.columns = columns, .shown = json_array()};
}

void pawl__top_view_finish(struct pawl_top_view *view) {
    json_decref(view->shown);
    view->shown = NULL;
}

static const char *view_name(const struct pawl_top_view *view, const json_t *row) {
    const char *name = json_string_value(json_object_get(row, view->columns[0].key));
    return name ? name : "";
}

// What tells |row| from all others.
static void view_identity(const struct pawl_top_view *view, const json_t *row,
                          char out[PAWL_TOP_CELL]) {
    snprintf(out, PAWL_TOP_CELL, "%lld %.250s",
             (long long)json_integer_value(json_object_get(row, "pid")), view_name(view, row));
}

// Whether |a| comes after |b|.
static bool view_is_after(const struct pawl_top_view *view, const json_t *a, const json_t *b) {
    const struct pawl_top_column *column = &view->columns[view->sort];
    const json_t *one = json_object_get(a, column->key), *other = json_object_get(b, column->key);
    int order;
    if (column->unit == PAWL_TOP_TEXT) {
        const char *x = json_string_value(one), *y = json_string_value(other);
        order = strcmp(x ? x : "", y ? y : "");
    } else {
        double x = json_number_value(one), y = json_number_value(other);
        order = (x > y) - (x < y);
    }
    if (view->descending) order = -order;
    if (!order) order = strcmp(view_name(view, a), view_name(view, b));
    return order > 0;
}

// Puts |row| in its place: there are few.
static void view_insert(struct pawl_top_view *view, json_t *row) {
    size_t at = json_array_size(view->shown);
    while (at && view_is_after(view, json_array_get(view->shown, at - 1), row)) at--;
    json_array_insert(view->shown, at, row);
}

void pawl__top_view_set(struct pawl_top_view *view, const json_t *rows) {
    size_t i, count;
    json_t *row;
    char identity[PAWL_TOP_CELL];
    json_array_clear(view->shown);
    json_array_foreach((json_t *)rows, i, row) {
        if (strstr(view_name(view, row), view->filter)) view_insert(view, row);
    }
    count = json_array_size(view->shown);
    json_array_foreach(view->shown, i, row) {
        view_identity(view, row, identity);
        if (strcmp(identity, view->chosen) == 0) view->selected = i;
    }
    if (view->selected >= count) view->selected = count ? count - 1 : 0;
}

static void view_choose(struct pawl_top_view *view) {
    const json_t *row = pawl__top_view_row(view);
    if (row) view_identity(view, row, view->chosen);
}

void pawl__top_view_move(struct pawl_top_view *view, int step) {
    size_t count = json_array_size(view->shown);
    if (step < 0)
        view->selected -= (size_t)-step < view->selected ? (size_t)-step : view->selected;
    else
        view->selected += (size_t)step;
    if (view->selected >= count) view->selected = count ? count - 1 : 0;
    view_choose(view);
}

void pawl__top_view_sort(struct pawl_top_view *view) {
    view->sort++;
    if (!view->columns[view->sort].head) view->sort = 0;
    view->descending = view->columns[view->sort].unit != PAWL_TOP_TEXT;
}

const json_t *pawl__top_view_row(const struct pawl_top_view *view) {
    return json_array_get(view->shown, view->selected);
}

// --- drawing -------------------------------------------------------------------------------------

static size_t view_length(const char *text) {
    size_t length = 0;
    for (; *text; text++) length += (*text & 0xc0) != 0x80;
    return length;
}

static void view_blanks(struct pawl_buf *out, size_t count) {
    while (count--) pawl__buf_append(out, " ", 1);
}

// Characters of a cell; the first column's are cut.
static size_t view_cell(const struct pawl_top_view *view, const json_t *row, size_t column,
                        char cell[PAWL_TOP_CELL]) {
    pawl__top_format(row, &view->columns[column], cell);
    size_t length = 0, end = 0;
    for (; cell[end]; end++) {
        length += (cell[end] & 0xc0) != 0x80;
        if (column == 0 && length > VIEW_NAME) break;
    }
    cell[end] = 0;
    return length < VIEW_NAME || column ? length : VIEW_NAME;
}

static void view_measure(const struct pawl_top_view *view, size_t widths[VIEW_COLUMNS]) {
    char cell[PAWL_TOP_CELL];
    for (size_t k = 0; view->columns[k].head; k++) {
        size_t i;
        json_t *row;
        widths[k] = strlen(view->columns[k].head) + (k == view->sort); // with its arrow
        json_array_foreach(view->shown, i, row) {
            size_t length = view_cell(view, row, k, cell);
            if (length > widths[k]) widths[k] = length;
        }
    }
}

// A line: of |row|, or of the heads. Texts stand left, numbers right; what does not fit is left
// out.
static void view_line(const struct pawl_top_view *view, struct pawl_buf *out, const json_t *row,
                      const size_t *widths, size_t width, bool colour) {
    size_t used = 2;
    for (size_t k = 0; view->columns[k].head; k++) {
        const struct pawl_top_column *column = &view->columns[k];
        char cell[PAWL_TOP_CELL];
        size_t gap = k ? 2 : 0;
        if (row)
            view_cell(view, row, k, cell);
        else
            snprintf(cell, sizeof cell, "%s%s", column->head,
                     k != view->sort    ? ""
                     : view->descending ? "v"
                                        : "^");
        size_t length = view_length(cell), fill = widths[k] > length ? widths[k] - length : 0;
        if (used + gap + widths[k] > width && k) return;
        bool left = column->unit == PAWL_TOP_TEXT;
        bool red = colour && row &&
                   ((column->alarms && json_number_value(json_object_get(row, column->key)) > 0) ||
                    (k && left && strcmp(cell, "ok") != 0));
        view_blanks(out, gap + (left ? 0 : fill));
        pawl__buf_format(out, "%s%s%s", red ? "\33[31m" : "", cell, red ? "\33[39m" : "");
        if (left) view_blanks(out, fill);
        used += gap + widths[k];
    }
}

void pawl__top_view_draw(struct pawl_top_view *view, struct pawl_buf *out, size_t rows,
                         size_t width, bool live, bool colour) {
    size_t widths[VIEW_COLUMNS], count = json_array_size(view->shown);
    size_t room = rows > 1 ? rows - 1 : 1;
    if (view->selected < view->first) view->first = view->selected;
    if (view->selected >= view->first + room) view->first = view->selected - room + 1;
    if (view->first + room > count) view->first = count > room ? count - room : 0;
    view_measure(view, widths);
    pawl__buf_format(out, "%s", live ? "\33[1m  " : "");
    view_line(view, out, NULL, widths, width, false);
    pawl__buf_format(out, "%s\n", live ? "\33[22m" : "");
    for (size_t i = view->first; i < count && i < view->first + room; i++) {
        bool selected = live && i == view->selected;
        pawl__buf_format(out, "%s", selected ? "\33[7m> " : live ? "  " : "");
        view_line(view, out, json_array_get(view->shown, i), widths, width, colour);
        pawl__buf_format(out, "%s\n", selected ? "\33[27m" : "");
    }
}
