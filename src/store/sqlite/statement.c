#include "store/sqlite/internal.h"

int pawl__sqlite_run(struct pawl_sqlite *store, enum pawl_sqlite_statement statement) {
    sqlite3_stmt *run = store->statements[statement];
    while (sqlite3_step(run) == SQLITE_ROW) {
    }
    return sqlite3_reset(run);
}

void pawl__sqlite_bind_text(sqlite3_stmt *statement, int index, struct pawl_str text) {
    // NULL would bind NULL, not the empty text.
    sqlite3_bind_text64(statement, index, text.data ? text.data : "", text.len, SQLITE_STATIC,
                        SQLITE_UTF8);
}

void pawl__sqlite_bind_blob(sqlite3_stmt *statement, int index, struct pawl_str bytes) {
    sqlite3_bind_blob64(statement, index, bytes.data ? bytes.data : "", bytes.len, SQLITE_STATIC);
}

struct pawl_str pawl__sqlite_column(sqlite3_stmt *statement, int index) {
    const char *data = sqlite3_column_blob(statement, index); // of a text: its bytes
    return (struct pawl_str){data, data ? (size_t)sqlite3_column_bytes(statement, index) : 0};
}
