#include "net/exchange.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

enum {
    EXCHANGE_POOL = 256,       // free exchanges that are kept, with one arena block each
    EXCHANGE_KEEP = 16 * 1024, // bytes of a buffer that are kept with it
    EXCHANGE_HEADERS = 16      // room for so many at first
};

// --- the service -----------------------------------------------------------------------------

static void service_on_deadline(struct pawl_heap_node *node) {
    struct pawl_exchange *exchange =
        (struct pawl_exchange *)((char *)node - offsetof(struct pawl_exchange, deadline));
    if (exchange->state == PAWL_EXCHANGE_ANSWERED) return;
    pawl__exchange_close(exchange, PAWL_E_DEADLINE);
    exchange->answers->finish(exchange, PAWL_E_DEADLINE, PAWL_STR("the deadline passed"),
                              (struct pawl_str){0});
}

void pawl__service_init(struct pawl_service *service, uv_loop_t *loop,
                        const struct pawl_server_options *options) {
    *service = (struct pawl_service){.options = *options, .loop = loop, .date_second = -1};
    pawl__deadlines_init(&service->deadlines, loop, service_on_deadline);
}

void pawl__service_finish(struct pawl_service *service,
                          void (*on_finished)(struct pawl_deadlines *deadlines)) {
    while (service->free) {
        struct pawl_exchange *exchange = service->free;
        service->free = exchange->next;
        pawl__arena_finish(&exchange->request.arena);
        pawl__buf_finish(&exchange->body);
        pawl__buf_finish(&exchange->queue);
        free(exchange);
    }
    pawl__deadlines_finish(&service->deadlines, on_finished);
}

struct pawl_str pawl__service_date(struct pawl_service *service) {
    int64_t second = pawl__clock_wall() / PAWL_SECOND;
    if (second != service->date_second) {
        static const char days[] = "SunMonTueWedThuFriSat";
        static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
        time_t now = (time_t)second;
        struct tm tm;
        gmtime_r(&now, &tm);
        snprintf(service->date, sizeof service->date, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
                 days + 3 * tm.tm_wday, tm.tm_mday % 100, months + 3 * tm.tm_mon,
                 (tm.tm_year + 1900) % 10000, tm.tm_hour % 100, tm.tm_min % 100, tm.tm_sec % 100);
        service->date_second = second;
    }
    return pawl__str(service->date);
}

// --- exchanges -------------------------------------------------------------------------------

struct pawl_exchange *pawl__exchange_create(struct pawl_service *service, struct pawl_conn *conn,
                                            const struct pawl_answers *answers,
                                            struct pawl_exchange **list) {
    struct pawl_exchange *exchange = service->free;
    if (exchange) {
        service->free = exchange->next;
        service->free_count--;
    } else {
        exchange = calloc(1, sizeof *exchange);
        if (!exchange) return NULL;
    }
    struct pawl_arena arena = exchange->request.arena;
    struct pawl_buf body = exchange->body, queue = exchange->queue;
    memset(exchange, 0, sizeof *exchange);
    exchange->request.arena = arena;
    exchange->body = body;
    exchange->queue = queue;
    exchange->service = service;
    exchange->max_body = service->options.max_body;
    exchange->conn = conn;
    exchange->answers = answers;
    exchange->timeout = INT64_MAX;
    exchange->touched = uv_now(service->loop);
    exchange->next = *list;
    if (*list) (*list)->prev = exchange;
    *list = exchange;
    return exchange;
}

static void exchange_trim(struct pawl_buf *buf) {
    if (buf->cap > EXCHANGE_KEEP) pawl__buf_finish(buf);
    pawl__buf_clear(buf);
}

void pawl__exchange_release(struct pawl_exchange *exchange, struct pawl_exchange **list) {
    struct pawl_service *service = exchange->service;
    if (exchange->prev)
        exchange->prev->next = exchange->next;
    else
        *list = exchange->next;
    if (exchange->next) exchange->next->prev = exchange->prev;
    pawl__deadlines_remove(&service->deadlines, &exchange->deadline);
    service->buffered -= exchange->charged;
    if (exchange->is_weighty) atomic_fetch_sub(&service->weighty, 1);
    if (service->free_count < EXCHANGE_POOL) {
        pawl__arena_reset(&exchange->request.arena);
        exchange_trim(&exchange->body);
        exchange_trim(&exchange->queue);
        exchange->next = service->free;
        service->free = exchange;
        service->free_count++;
        return;
    }
    pawl__arena_finish(&exchange->request.arena);
    pawl__buf_finish(&exchange->body);
    pawl__buf_finish(&exchange->queue);
    free(exchange);
}

bool pawl__exchange_header(struct pawl_exchange *exchange, struct pawl_str name,
                           struct pawl_str value) {
    struct pawl_request *request = &exchange->request;
    if (request->header_count == exchange->header_cap) {
        size_t cap = exchange->header_cap ? 2 * exchange->header_cap : EXCHANGE_HEADERS;
        struct pawl_header *headers = pawl__arena_alloc(&request->arena, cap * sizeof *headers);
        if (!headers) return false;
        if (request->header_count)
            memcpy(headers, exchange->headers, request->header_count * sizeof *headers);
        exchange->headers = headers;
        exchange->header_cap = cap;
        request->headers = headers;
    }
    char *copy = pawl__arena_alloc(&request->arena, name.len + value.len + 2);
    if (!copy) return false;
    memcpy(copy, name.data, name.len);
    copy[name.len] = 0;
    char *second = copy + name.len + 1;
    if (value.len) memcpy(second, value.data, value.len);
    second[value.len] = 0;
    exchange->headers[request->header_count++] =
        (struct pawl_header){{copy, name.len}, {second, value.len}};
    return true;
}

bool pawl__exchange_target(struct pawl_exchange *exchange, struct pawl_str target) {
    struct pawl_request *request = &exchange->request;
    if (target.len == 0) return false;
    if (target.data[0] != '/' && !pawl__str_equal(target, PAWL_STR("*"))) {
        const char *host = memmem(target.data, target.len, "://", 3);
        if (!host) return false;
        host += 3;
        size_t rest = target.len - (size_t)(host - target.data);
        size_t len = 0;
        while (len < rest && host[len] != '/' && host[len] != '?') len++;
        request->authority = (struct pawl_str){host, len};
        target = (struct pawl_str){host + len, rest - len};
    }
    request->path = pawl__str_cut(&target, '?');
    request->query = target;
    if (request->path.len == 0) request->path = PAWL_STR("/");
    if (!request->query.data) request->query = PAWL_STR("");
    return true;
}

bool pawl__exchange_charge(struct pawl_exchange *exchange) {
    struct pawl_service *service = exchange->service;
    service->buffered += exchange->body.len - exchange->charged;
    exchange->charged = exchange->body.len;
    size_t more = exchange->max_body - service->options.max_body; // than requests may have
    return service->buffered <= service->options.max_buffered + more;
}

void pawl__exchange_dispatch(struct pawl_exchange *exchange) {
    exchange->state = PAWL_EXCHANGE_OPEN;
    exchange->request.body = pawl__buf_str(&exchange->body);
    if (!exchange->request.body.data) exchange->request.body = PAWL_STR("");
    exchange->service->options.handler(exchange->service->options.arg, &exchange->request);
}

void pawl__exchange_answered(struct pawl_exchange *exchange) {
    exchange->state = PAWL_EXCHANGE_ANSWERED;
    pawl__deadlines_remove(&exchange->service->deadlines, &exchange->deadline);
    exchange->request.on_close = NULL;
    exchange->request.on_drain = NULL;
}

void pawl__exchange_tell_end(struct pawl_exchange *exchange, int status) {
    struct pawl_request *request = &exchange->request;
    void (*on_end)(struct pawl_request *, int) = request->on_end;
    request->on_end = NULL;
    if (on_end) on_end(request, status);
}

void pawl__exchange_close(struct pawl_exchange *exchange, enum pawl_err reason) {
    enum pawl_exchange_state state = exchange->state;
    pawl__exchange_tell_end(exchange,
                            exchange->request.is_grpc ? (int)reason : pawl__err_http(reason));
    void (*on_close)(struct pawl_request *, enum pawl_err) = exchange->request.on_close;
    pawl__exchange_answered(exchange);
    if (state == PAWL_EXCHANGE_OPEN && on_close) on_close(&exchange->request, reason);
}

void pawl__exchange_end_stream(struct pawl_exchange *exchange) {
    if (exchange->request.is_grpc || !exchange->has_started ||
        exchange->state != PAWL_EXCHANGE_OPEN)
        return;
    pawl__exchange_close(exchange, PAWL_E_UNAVAILABLE);
    exchange->answers->finish(exchange, PAWL_OK, PAWL_STR(""), PAWL_STR(""));
}

uint8_t *pawl__exchange_reserve(struct pawl_exchange *exchange, size_t len) {
    enum {
        COMPACT = 64 << 10 // bytes that were sent, at the front, which are worth a memmove
    };
    struct pawl_buf *queue = &exchange->queue;
    if (exchange->queue_at > COMPACT && exchange->queue_at > queue->len / 2) {
        pawl__buf_consume(queue, exchange->queue_at);
        exchange->queue_at = 0;
    }
    uint8_t *room = pawl__buf_reserve(queue, len);
    if (!room) queue->failed = false;
    return room;
}

bool pawl__header_valid(const struct pawl_header *header) {
    if (header->name.len == 0) return false;
    for (size_t i = 0; i < header->name.len; i++) {
        char c = header->name.data[i];
        bool ok =
            (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr("!#$%&'*+-.^_`|~", c));
        if (!ok) return false;
    }
    for (size_t i = 0; i < header->value.len; i++) {
        unsigned char c = (unsigned char)header->value.data[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) return false;
    }
    return true;
}
