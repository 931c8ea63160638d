// A connection: made when it is needed, its statements prepared at once, and dropped at the first
// sign that something is wrong with it. Statements are queued and their results taken in the same
// order (libpq's pipeline mode), so that what belongs together takes one round trip.
//
// libpq is used without blocking, as it would wait for a silent server for ever.

#include "store/postgres/internal.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>

#define LINK_PLAN PAWL_SECOND // until plans are made anew; then twice as long each time

// --- parameters and values ------------------------------------------------------------------

static void link_param(struct pawl_pg_params *params, const void *value, size_t len) {
    params->values[params->count] = value;
    params->lengths[params->count++] = (int)len;
}

void pawl__pg_int(struct pawl_pg_params *params, int64_t value) {
    params->numbers[params->count] = htobe64((uint64_t)value);
    link_param(params, &params->numbers[params->count], 8);
}

void pawl__pg_bool(struct pawl_pg_params *params, bool value) {
    link_param(params, value ? "\1" : "\0", 1);
}

void pawl__pg_bytes(struct pawl_pg_params *params, struct pawl_str bytes) {
    link_param(params, bytes.data ? bytes.data : "", bytes.len);
}

void pawl__pg_null(struct pawl_pg_params *params) {
    link_param(params, NULL, 0);
}

int64_t pawl__pg_number(const PGresult *result, int row, int column) {
    uint64_t number = 0;
    if (PQgetlength(result, row, column) == 8)
        memcpy(&number, PQgetvalue(result, row, column), sizeof number);
    return (int64_t)be64toh(number);
}

bool pawl__pg_true(const PGresult *result, int row, int column) {
    return PQgetlength(result, row, column) == 1 && *PQgetvalue(result, row, column);
}

struct pawl_str pawl__pg_value(const PGresult *result, int row, int column) {
    return (struct pawl_str){PQgetvalue(result, row, column),
                             (size_t)PQgetlength(result, row, column)};
}

bool pawl__pg_keep(struct pawl_arena *arena, struct pawl_str *text) {
    text->data = pawl__arena_dup(arena, *text);
    return text->data;
}

// --- errors ---------------------------------------------------------------------------------

static const struct {
    const char *state; // an SQLSTATE, or the class with which it begins
    enum pawl_err code;
    bool drop; // the connection is of no use any more
    const char *remedy;
} link_errors[] = {
    {"28", PAWL_E_DENIED, true, "correct user and password"},
    {"3D000", PAWL_E_NOT_FOUND, true, "create the database first (createdb), or correct its name"},
    {"3F", PAWL_E_NOT_FOUND, true, "create a schema that search_path names, or correct it"},
    {"42501", PAWL_E_DENIED, true, "grant it (GRANT CREATE, USAGE ON SCHEMA public TO the user)"},
    {"42P05", PAWL_E_UNAVAILABLE, true, "use a pool that keeps sessions, or none"},
    {"42P01", PAWL_E_FORMAT, true, "restart to have it made"},
    {"42", PAWL_E_FORMAT, true, "the table is not as it should be; is it of another version?"},
    {"53100", PAWL_E_FULL, false, "free some space on the server, nothing is lost"},
    {"25006", PAWL_E_UNAVAILABLE, true, "it is a read-only replica; connect to the primary"},
    {"25P03", PAWL_E_UNAVAILABLE, true, "it will be tried again"},
    {"26", PAWL_E_UNAVAILABLE, true, "use a pool that keeps sessions, or none"},
    {"40003", PAWL_E_UNAVAILABLE, true, "it will be tried again"},
    {"40", PAWL_E_UNAVAILABLE, false, "it will be tried again"},
    {"53", PAWL_E_UNAVAILABLE, true, "the server is short of resources"},
    {"55", PAWL_E_UNAVAILABLE, false, "it will be tried again"},
    {"57014", PAWL_E_UNAVAILABLE, true, "raise statement_timeout for this role if that is why"},
    {"57", PAWL_E_UNAVAILABLE, true, "it will be tried again"},
    {"08", PAWL_E_UNAVAILABLE, true, "it will be tried again"},
    {"22", PAWL_E_INVALID, false, NULL},
    {"23", PAWL_E_INVALID, false, NULL},
    {"54", PAWL_E_TOO_LARGE, false, NULL},
    {"58", PAWL_E_IO, true, "look into the server's log"},
    {"XX", PAWL_E_CORRUPT, true, "look into the server's log"},
};

// The first line of libpq's text.
static struct pawl_str link_text(const char *text) {
    struct pawl_str rest = pawl__str(text);
    struct pawl_str line = pawl__str_cut(&rest, '\n');
    return line.len ? line : PAWL_STR("the connection was lost");
}

// |state| is an SQLSTATE, or "": the connection's trouble, with |remedy|.
static enum pawl_err link_fail(struct pawl_pg_link *link, const char *state, const char *doing,
                               struct pawl_str text, const char *remedy, struct pawl_error *error) {
    enum pawl_err code = *state ? PAWL_E_INTERNAL : PAWL_E_UNAVAILABLE;
    bool drop = !*state;
    for (size_t i = 0; *state && i < sizeof link_errors / sizeof *link_errors; i++) {
        if (strncmp(state, link_errors[i].state, strlen(link_errors[i].state)) != 0) continue;
        code = link_errors[i].code;
        remedy = link_errors[i].remedy;
        drop = link_errors[i].drop;
        break;
    }
    pawl__fail(error, code, "%s: cannot %s: %.*s%s%s%s%s%s", link->store->where, doing,
               PAWL_FMT(text), *state ? " (SQLSTATE " : "", state, *state ? ")" : "",
               remedy ? "; " : "", remedy ? remedy : "");
    if (drop) pawl__pg_drop(link);
    return code;
}

enum pawl_err pawl__pg_fail(struct pawl_pg_link *link, const PGresult *result, const char *doing,
                            struct pawl_error *error) {
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *severity =
        result ? PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED) : NULL;
    const char *text = result       ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)
                       : link->conn ? PQerrorMessage(link->conn)
                                    : NULL;
    // One that ends the session (FATAL) may come after a commit that waited for a standby. 40003
    // says that nobody knows whether it was done.
    bool unknown = state && strcmp(state, "40003") == 0;
    link->refused = severity && strcmp(severity, "ERROR") == 0 && !unknown;
    return link_fail(link, state ? state : "", doing, link_text(text),
                     state ? NULL : "it will be tried again", error);
}

enum pawl_err pawl__pg_fail_row(const struct pawl_postgres *store, enum pawl_err err,
                                const char *what, struct pawl_error *error) {
    if (err == PAWL_E_FORMAT)
        return pawl__fail(error, err,
                          "%s: %s was written by a newer Pawl; use that version or a later one",
                          store->where, what);
    if (err == PAWL_E_NOMEM) return pawl__fail_plain(error, err);
    return pawl__fail(error, PAWL_E_CORRUPT, "%s: %s is damaged; restore a backup", store->where,
                      what);
}

// --- waiting --------------------------------------------------------------------------------

static int64_t link_deadline(const struct pawl_pg_link *link) {
    return link->until ? link->until : pawl__clock_steady() + link->store->timeout;
}

// Waits until the socket can be read (or, with |write|, written). False when that takes too long.
static bool link_wait(struct pawl_pg_link *link, bool write, int64_t deadline) {
    struct pollfd ready = {.fd = PQsocket(link->conn),
                           .events = (short)(write ? POLLIN | POLLOUT : POLLIN)};
    for (;;) {
        int64_t left = deadline - pawl__clock_steady();
        if (left <= 0 || ready.fd < 0) return false;
        int rc = poll(&ready, 1, (int)((left + PAWL_MILLISECOND - 1) / PAWL_MILLISECOND));
        if (rc > 0) return true;
        if (rc < 0 && errno != EINTR) return false;
    }
}

// Sends all that is queued. Reads meanwhile, as the server may wait for that.
static bool link_flush(struct pawl_pg_link *link) {
    int64_t deadline = link_deadline(link);
    int rc;
    while ((rc = PQflush(link->conn)) == 1)
        if (!link_wait(link, true, deadline) || !PQconsumeInput(link->conn)) return false;
    return rc == 0;
}

// The next result; |*out| is NULL between two statements. False: the connection is lost, or silent.
static bool link_next(struct pawl_pg_link *link, PGresult **out) {
    int64_t deadline = link_deadline(link);
    *out = NULL;
    while (PQisBusy(link->conn))
        if (!link_wait(link, false, deadline) || !PQconsumeInput(link->conn)) return false;
    *out = PQgetResult(link->conn);
    return true;
}

// --- statements -----------------------------------------------------------------------------

// A pool may give the server's connection to others, too: what they have prepared is not run.
static void link_name(const struct pawl_pg_link *link, int statement, char out[20]) {
    snprintf(out, 20, "%08x_%d", link->number, statement);
}

bool pawl__pg_send(struct pawl_pg_link *link, enum pawl_pg_statement statement,
                   const struct pawl_pg_params *params) {
    static const int binary[PAWL_PG_PARAMS] = {1, 1, 1, 1, 1, 1, 1, 1, 1,
                                               1, 1, 1, 1, 1, 1, 1, 1, 1};
    static const struct pawl_pg_params none;
    char name[20];
    if (!link->conn) return false;
    if (!params) params = &none;
    link_name(link, (int)statement, name);
    return PQsendQueryPrepared(link->conn, name, params->count, params->values, params->lengths,
                               binary, 1);
}

bool pawl__pg_sync(struct pawl_pg_link *link) {
    return link->conn && PQpipelineSync(link->conn) && link_flush(link);
}

PGresult *pawl__pg_take(struct pawl_pg_link *link) {
    PGresult *result, *end;
    if (!link->conn || !link_next(link, &result) || !result) return NULL;
    if (link_next(link, &end) && !end) return result;
    PQclear(end);
    PQclear(result);
    return NULL;
}

bool pawl__pg_synced(struct pawl_pg_link *link) {
    PGresult *result;
    bool synced = link->conn && link_next(link, &result) && result &&
                  PQresultStatus(result) == PGRES_PIPELINE_SYNC;
    if (link->conn) PQclear(result);
    return synced;
}

// Without the connection being blamed for what the statement did.
static bool link_is_good(const PGresult *result) {
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

static enum pawl_err link_run(struct pawl_pg_link *link, enum pawl_pg_statement statement,
                              const struct pawl_pg_params *params, PGresult **out,
                              struct pawl_error *error) {
    for (int attempt = 0;; attempt++) {
        enum pawl_err err = pawl__pg_ready(link, error);
        if (err) return err;
        *out = pawl__pg_send(link, statement, params) && pawl__pg_sync(link) ? pawl__pg_take(link)
                                                                             : NULL;
        if (*out && pawl__pg_synced(link)) {
            if (link_is_good(*out)) return PAWL_OK;
            err = pawl__pg_fail(link, *out, link->writes ? "write" : "read", error);
        } else {
            err = pawl__pg_fail(link, NULL, link->writes ? "write" : "read", error);
        }
        bool lost = !link->conn && err == PAWL_E_UNAVAILABLE && pawl__clock_steady() < link->until;
        PQclear(*out);
        *out = NULL;
        if (!lost || attempt) return err;
    }
}

enum pawl_err pawl__pg_run(struct pawl_pg_link *link, enum pawl_pg_statement statement,
                           const struct pawl_pg_params *params, PGresult **out,
                           struct pawl_error *error) {
    link->until = link_deadline(link);
    enum pawl_err err = link_run(link, statement, params, out, error);
    link->until = 0;
    return err;
}

// --- connecting -----------------------------------------------------------------------------

void pawl__pg_drop(struct pawl_pg_link *link) {
    PQfinish(link->conn);
    link->conn = NULL;
}

static void link_be_quiet(void *arg, const PGresult *notice) {
}

static bool link_connect(struct pawl_pg_link *link) {
    int64_t deadline = link_deadline(link);
    link->conn = PQconnectStartParams(link->store->keys, link->store->values, 0);
    if (!link->conn || PQstatus(link->conn) == CONNECTION_BAD) return false;
    PQsetErrorVerbosity(link->conn, PQERRORS_VERBOSE); // with the SQLSTATE
    for (PostgresPollingStatusType state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK;
         state = PQconnectPoll(link->conn)) {
        if (state == PGRES_POLLING_FAILED) return false;
        struct pollfd ready = {.fd = PQsocket(link->conn),
                               .events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT};
        int64_t left = deadline - pawl__clock_steady();
        if (left <= 0) return false;
        poll(&ready, 1, (int)((left + PAWL_MILLISECOND - 1) / PAWL_MILLISECOND));
    }
    PQsetNoticeReceiver(link->conn, link_be_quiet, NULL);
    pawl__random(&link->number, sizeof link->number);
    return PQsetnonblocking(link->conn, 1) == 0 && PQenterPipelineMode(link->conn);
}

static const bool link_is_writers[] = {
#define writer                           true
#define reader                           false
#define X(name, connection, layout, sql) connection,
    PAWL_PG_STATEMENTS(X)
#undef X
#undef writer
#undef reader
};

// A transaction of a daemon that was stopped in its midst ends, so that its shards can be leased;
// and what is committed is on the server's disk.
static const char *const link_settings[] = {
    "SELECT set_config('idle_in_transaction_session_timeout', '4s', false)",
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit', true) = 'off'",
};

// A list reads a part of its order, and a server that takes a filter to leave next to nothing would
// read the whole table and sort that instead. Every read has an index to go by, in its order; only
// those of a prefix of ids may be sorted. To forbid sorting is no way: the few rows of
// one instance's history are sorted, and what is forbidden but needed has so high a cost that a
// server compiles the plan (JIT) each time, and takes any index.
// A server that has not got these settings keeps to its own ways.
#define LINK_OFF(name)                                                                             \
    "SELECT set_config('" name "', 'off', false) WHERE current_setting('" name "', true) = 'on'"
const char *const pawl__pg_reads[PAWL_PG_READS] = {LINK_OFF("enable_seqscan"),
                                                   LINK_OFF("enable_bitmapscan")};

static enum pawl_err link_prepare(struct pawl_pg_link *link, struct pawl_error *error) {
    char *const *sql = link->store->sql;
    char name[20];
    int count = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof link_settings / sizeof *link_settings; i++, count++)
        ok = PQsendQueryParams(link->conn, link_settings[i], 0, NULL, NULL, NULL, NULL, 0);
    for (size_t i = 0; ok && !link->writes && i < PAWL_PG_READS; i++, count++)
        ok = PQsendQueryParams(link->conn, pawl__pg_reads[i], 0, NULL, NULL, NULL, NULL, 0);
    for (int i = 0; ok && i < PAWL_PG_COUNT; i++) {
        if (!sql[i] || link_is_writers[i] != link->writes) continue;
        link_name(link, i, name);
        ok = PQsendPrepare(link->conn, name, sql[i], 0, NULL);
        count++;
    }
    ok = ok && pawl__pg_sync(link);
    enum pawl_err err = PAWL_OK;
    for (int i = 0; ok && i < count; i++) {
        PGresult *result = pawl__pg_take(link);
        ok = result;
        if (ok && !err && !link_is_good(result)) {
            err = pawl__pg_fail(link, result, "use its tables", error);
            pawl__pg_drop(link);
            PQclear(result);
            return err;
        }
        PQclear(result);
    }
    ok = ok && pawl__pg_synced(link);
    return ok ? PAWL_OK : pawl__pg_fail(link, NULL, "use it", error);
}

// A server plans a statement by how large its tables are, and keeps the plan, until it has analyzed
// them a minute later. To empty tables any index is as good, but one that reads all of a shard for
// one instance soon is not; so plans are made anew as tables grow.
static void link_plan_anew(struct pawl_pg_link *link, int64_t now) {
    if (now < link->plan_at) return;
    link->plan_after *= 2;
    link->plan_at = now + link->plan_after;
    bool sent = PQsendQueryParams(link->conn, "DISCARD PLANS", 0, NULL, NULL, NULL, NULL, 0) == 1 &&
                pawl__pg_sync(link);
    PGresult *result = sent ? pawl__pg_take(link) : NULL; // an error: the server keeps no plans
    if (!result || !pawl__pg_synced(link)) pawl__pg_drop(link);
    PQclear(result);
}

// An idle server says nothing but that it goes away, or that its configuration has changed.
static bool link_is_quiet(const struct pawl_pg_link *link) {
    struct pollfd ready = {.fd = PQsocket(link->conn), .events = POLLIN};
    return poll(&ready, 1, 0) == 0;
}

// libpq gives the SQLSTATE of a refused connection only within its text: "FATAL:  28P01: ...".
static void link_cut_state(struct pawl_str *text, char state[6]) {
    for (size_t i = 0; i + 9 < text->len; i++) {
        const char *at = text->data + i;
        size_t len = 0;
        if (memcmp(at, ":  ", 3) != 0) continue;
        while (len < 5 &&
               (isdigit((unsigned char)at[3 + len]) || isupper((unsigned char)at[3 + len])))
            len++;
        if (len < 5 || at[8] != ':') continue;
        memcpy(state, at + 3, 5);
        state[5] = 0;
        *text = (struct pawl_str){at + 10, text->len - i - 10};
        return;
    }
}

enum pawl_err pawl__pg_ready(struct pawl_pg_link *link, struct pawl_error *error) {
    if (link->conn && !link_is_quiet(link)) pawl__pg_drop(link);
    if (link->conn) link_plan_anew(link, pawl__clock_steady());
    if (link->conn) return PAWL_OK;
    link->plan_after = LINK_PLAN;
    link->plan_at = pawl__clock_steady() + LINK_PLAN;
    if (link_connect(link)) return link_prepare(link, error);
    char state[6] = "";
    bool is_late = link->conn && PQstatus(link->conn) != CONNECTION_BAD; // libpq would still wait
    struct pawl_str text =
        is_late ? PAWL_STR("it does not answer in time")
                : link_text(link->conn ? PQerrorMessage(link->conn) : "out of memory");
    link_cut_state(&text, state);
    if (!*state && link->conn && PQconnectionNeedsPassword(link->conn)) strcpy(state, "28P01");
    bool is_tls = memmem(text.data, text.len, "SSL", 3) || memmem(text.data, text.len, "certif", 6);
    return link_fail(link, state, "connect", text,
                     is_tls ? "correct sslmode and sslrootcert, or the server's ssl"
                            : "start it (apt install postgresql) or correct host and port",
                     error);
}
