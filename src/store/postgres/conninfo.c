// Where the server is, from the words of Dapr's component: a URL or "key=value ..." as Go's pgx
// reads them, and fields beside it. libpq knows most of the words; "database" is its "dbname", what
// concerns pgx's pool is passed over, and what neither knows is a setting of the server.

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "store/postgres/internal.h"

static const char *const conninfo_passed_over[] = {"pool_max_conns",
                                                   "pool_min_conns",
                                                   "pool_min_idle_conns",
                                                   "pool_max_conn_lifetime",
                                                   "pool_max_conn_idle_time",
                                                   "pool_max_conn_lifetime_jitter",
                                                   "pool_health_check_period",
                                                   "default_query_exec_mode",
                                                   "statement_cache_capacity",
                                                   "statement_cache_mode",
                                                   "description_cache_capacity"};

struct conninfo {
    struct pawl_postgres *store;
    PQconninfoOption *known;
    struct pawl_buf options; // libpq's word for settings of the server
    bool failed;             // memory is out
};

static void conninfo_set(struct conninfo *c, const char *key, const char *value) {
    struct pawl_postgres *store = c->store;
    int i = 0;
    while (i < store->setting_count && strcmp(store->keys[i], key) != 0) i++;
    if (i + 1 >= PAWL_PG_SETTINGS) return; // libpq does not know so many words
    store->keys[i] = pawl__arena_dup(&store->settings, pawl__str(key));
    store->values[i] = pawl__arena_dup(&store->settings, pawl__str(value));
    if (i == store->setting_count) store->setting_count++;
    c->failed = c->failed || !store->keys[i] || !store->values[i];
}

static void conninfo_take(struct conninfo *c, const char *key, const char *value) {
    for (size_t i = 0; i < sizeof conninfo_passed_over / sizeof *conninfo_passed_over; i++)
        if (strcmp(key, conninfo_passed_over[i]) == 0) return;
    if (strcmp(key, "database") == 0) key = "dbname";
    if (strcmp(key, "options") == 0) {
        pawl__buf_format(&c->options, "%s%s", c->options.len ? " " : "", value);
        return;
    }
    for (const PQconninfoOption *option = c->known; option->keyword; option++)
        if (strcmp(option->keyword, key) == 0) {
            conninfo_set(c, key, value);
            return;
        }
    pawl__buf_format(&c->options, "%s-c %s=", c->options.len ? " " : "", key);
    for (; *value; value++) {
        if (*value == ' ' || *value == '\\') pawl__buf_append(&c->options, "\\", 1);
        pawl__buf_append(&c->options, value, 1);
    }
}

// --- "key=value ..." ----------------------------------------------------------------------------

// Values stand in '' when there are spaces in them; a backslash keeps what follows it.
static const char *conninfo_value(const char *at, struct pawl_buf *out) {
    bool quoted = *at == '\'';
    if (quoted) at++;
    while (*at && (quoted ? *at != '\'' : !isspace((unsigned char)*at))) {
        if (*at == '\\' && at[1]) at++;
        pawl__buf_append(out, at++, 1);
    }
    pawl__buf_append(out, "", 1);
    if (quoted && *at != '\'') return NULL;
    return quoted ? at + 1 : at;
}

static const char *conninfo_skip(const char *at) {
    while (isspace((unsigned char)*at)) at++;
    return at;
}

// False: |text| is not of this form.
static bool conninfo_words(struct conninfo *c, const char *text) {
    struct pawl_buf key = {0}, value = {0};
    const char *at = conninfo_skip(text);
    while (at && *at) {
        pawl__buf_clear(&key);
        pawl__buf_clear(&value);
        const char *end = at + strcspn(at, "= \t\n");
        pawl__buf_append(&key, at, (size_t)(end - at));
        pawl__buf_append(&key, "", 1);
        bool named = end > at;
        at = conninfo_skip(end);
        at = named && *at == '=' ? conninfo_value(conninfo_skip(at + 1), &value) : NULL;
        if (key.failed || value.failed)
            c->failed = true;
        else if (at)
            conninfo_take(c, (const char *)key.data, (const char *)value.data);
        if (at) at = conninfo_skip(at);
    }
    pawl__buf_finish(&key);
    pawl__buf_finish(&value);
    return at;
}

// --- URLs ---------------------------------------------------------------------------------------

static bool conninfo_decode(struct pawl_str text, struct pawl_buf *out) {
    pawl__buf_clear(out);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '%') {
            int high = text.len - i < 3 ? -1 : pawl__hex_digit(text.data[i + 1]);
            int low = high < 0 ? -1 : pawl__hex_digit(text.data[i + 2]);
            if (low < 0 || !(c = (char)(high << 4 | low))) return false;
            i += 2;
        }
        pawl__buf_append(out, &c, 1);
    }
    return pawl__buf_append(out, "", 1);
}

static bool conninfo_query(struct conninfo *c, struct pawl_str query) {
    struct pawl_buf key = {0}, value = {0};
    bool ok = true;
    while (ok && query.len) {
        struct pawl_str word = pawl__str_cut(&query, '&');
        struct pawl_str name = pawl__str_cut(&word, '=');
        ok = conninfo_decode(name, &key) && conninfo_decode(word, &value) && key.len > 1;
        bool ssl = ok && strcmp((const char *)key.data, "ssl") == 0 && // as JDBC has it
                   strcmp((const char *)value.data, "true") == 0;
        if (ssl)
            conninfo_set(c, "sslmode", "require");
        else if (ok)
            conninfo_take(c, (const char *)key.data, (const char *)value.data);
    }
    pawl__buf_finish(&key);
    pawl__buf_finish(&value);
    return ok;
}

static bool conninfo_url(struct conninfo *c, const char *text) {
    struct pawl_str rest = pawl__str(text), base = pawl__str_cut(&rest, '?');
    char *url = pawl__str_dup(base), *reason = NULL;
    PQconninfoOption *options = url ? PQconninfoParse(url, &reason) : NULL;
    for (const PQconninfoOption *option = options; option && option->keyword; option++)
        if (option->val) conninfo_set(c, option->keyword, option->val);
    bool good = options;
    c->failed = c->failed || !url;
    PQconninfoFree(options);
    PQfreemem(reason); // which may show a password
    free(url);
    return good && conninfo_query(c, rest);
}

// --- both ---------------------------------------------------------------------------------------

static const char *conninfo_get(const struct pawl_postgres *store, const char *key) {
    for (int i = 0; i < store->setting_count; i++)
        if (strcmp(store->keys[i], key) == 0 && *store->values[i]) return store->values[i];
    return NULL;
}

// "PostgreSQL at db:5432, database orders": what errors say, without a password.
static void conninfo_where(struct conninfo *c) {
    struct pawl_postgres *store = c->store;
    const char *host = conninfo_get(store, "host"), *port = conninfo_get(store, "port");
    const char *name = conninfo_get(store, "dbname");
    if (!host) host = conninfo_get(store, "hostaddr");
    if (!host) host = getenv("PGHOST");
    if (!port) port = getenv("PGPORT");
    if (!name) name = getenv("PGDATABASE");
    store->where =
        pawl__arena_format(&store->settings, "PostgreSQL at %s:%s%s%s", host ? host : "localhost",
                           port ? port : "5432", name ? ", database " : "", name ? name : "");
    c->failed = c->failed || !store->where;
}

enum pawl_err pawl__pg_conninfo(struct pawl_postgres *store,
                                const struct pawl_postgres_options *given,
                                struct pawl_error *error) {
    const struct {
        const char *key, *value;
    } beside[] = {
        {"host", given->host},
        {"hostaddr", given->hostaddr},
        {"port", given->port},
        {"dbname", given->database},
        {"user", given->user},
        {"password", given->password},
        {"sslrootcert", given->ssl_root_cert},
    };
    struct conninfo c = {.store = store, .known = PQconndefaults()};
    const char *text = given->connection ? given->connection : "";
    bool url =
        strncasecmp(text, "postgres://", 11) == 0 || strncasecmp(text, "postgresql://", 13) == 0;
    if (!c.known) return pawl__fail_plain(error, PAWL_E_NOMEM);
    // Of several servers, the one that can be written to.
    conninfo_set(&c, "target_session_attrs", "read-write");
    conninfo_set(&c, "fallback_application_name", "pawl");
    bool good = url ? conninfo_url(&c, text) : conninfo_words(&c, text);
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++)
        if (beside[i].value) conninfo_set(&c, beside[i].key, beside[i].value);
    pawl__buf_append(&c.options, "", 1);
    if (c.options.len > 1) conninfo_set(&c, "options", (const char *)c.options.data);
    conninfo_where(&c);
    bool failed = c.failed || c.options.failed;
    pawl__buf_finish(&c.options);
    PQconninfoFree(c.known);
    if (failed) return pawl__fail_plain(error, PAWL_E_NOMEM);
    if (good) return PAWL_OK;
    return pawl__fail(error, PAWL_E_INVALID, "connectionString is not of the form %s",
                      url ? "postgres://user:password@host:port/database?key=value, where %XX "
                            "stands for a character such as @ or / in a password"
                          : "\"host=... user=... password=... dbname=...\", where a value with "
                            "spaces stands in ''");
}
