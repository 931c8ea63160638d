// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "observe/sinks.h"
#include "otlp.pb-c.h"
#include "wire/unpack.h"

static struct pawl_span_event events[] = {
    {.name = "Received external event",
     .at = 1700000000500000000,
     .attributes = {{"name", {"approval", 8}, 0}, {"size", {0}, 12}},
     .attribute_count = 2},
    {.name = "Execution resumed", .at = 1700000000600000000},
};

static const struct pawl_attribute attributes[] = {
    {"durabletask.type", {"orchestration", 13}, 0},
    {"durabletask.task.task_id", {0}, 7},
};

static struct pawl_span span_of(void) {
    struct pawl_span span = {
        .scope = "durabletask",
        .name = PAWL_STR("orchestration||order \"7\""),
        .kind = PAWL_SPAN_SERVER,
        .start = 1700000000000000000,
        .end = 1700000001000000000,
        .status = PAWL_SPAN_ERROR,
        .message = PAWL_STR("out of stock"),
        .attributes = attributes,
        .attribute_count = 2,
        .events = events,
        .event_count = 2,
    };
    pawl__trace_parse(PAWL_STR("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
                      &span.self);
    memset(span.parent, 0xab, sizeof span.parent);
    return span;
}

static const struct pawl_attribute place = {"deployment", {"shop", 4}, 0};
static const struct pawl_resource resource = {"orders", &place, 1};

static void test_zipkin(void **state) {
    struct pawl_span span = span_of(), root = span_of(), *both[] = {&span, &root};
    memset(root.parent, 0, sizeof root.parent);
    root.kind = PAWL_SPAN_INTERNAL;
    root.status = PAWL_SPAN_UNSET;
    root.end = root.start;
    root.event_count = root.attribute_count = 0;
    struct pawl_buf out = {0};
    assert_true(pawl__zipkin_encode(&out, &resource, both, 2));
    pawl__buf_append(&out, "", 1);
    assert_string_equal(
        (char *)out.data,
        "[{\"traceId\":\"0af7651916cd43dd8448eb211c80319c\",\"id\":\"b7ad6b7169203331\","
        "\"name\":\"orchestration||order \\\"7\\\"\",\"timestamp\":1700000000000000,"
        "\"localEndpoint\":{\"serviceName\":\"orders\"},"
        "\"tags\":{\"otel.library.name\":\"durabletask\",\"durabletask.type\":\"orchestration\","
        "\"durabletask.task.task_id\":\"7\",\"otel.status_code\":\"ERROR\","
        "\"error\":\"out of stock\"},\"parentId\":\"abababababababab\",\"duration\":1000000,"
        "\"kind\":\"SERVER\",\"annotations\":[{\"timestamp\":1700000000500000,"
        "\"value\":\"Received external event: {\\\"name\\\":\\\"approval\\\",\\\"size\\\":12}\"},"
        "{\"timestamp\":1700000000600000,\"value\":\"Execution resumed\"}]},"
        "{\"traceId\":\"0af7651916cd43dd8448eb211c80319c\",\"id\":\"b7ad6b7169203331\","
        "\"name\":\"orchestration||order \\\"7\\\"\",\"timestamp\":1700000000000000,"
        "\"localEndpoint\":{\"serviceName\":\"orders\"},"
        "\"tags\":{\"otel.library.name\":\"durabletask\"}}]");
    pawl__buf_finish(&out);
}

static void test_otlp(void **state) {
    struct pawl_span span = span_of(), other = span_of(), *all[] = {&span, &other, &span};
    other.scope = "dapr-diagnostics";
    other.status = PAWL_SPAN_UNSET;
    struct pawl_buf out = {0};
    struct pawl_arena arena = {0};
    assert_true(pawl__otlp_encode(&out, &resource, all, 3));
    const Otlp__ExportTraceServiceRequest *request = pawl__wire_unpack(
        &arena, &otlp__export_trace_service_request__descriptor, pawl__buf_str(&out), NULL);
    assert_non_null(request);
    assert_int_equal(request->n_resource_spans, 1);
    const Otlp__ResourceSpans *group = request->resource_spans[0];
    assert_int_equal(group->resource->n_attributes, 2);
    assert_string_equal(group->resource->attributes[0]->key, "service.name");
    assert_string_equal(group->resource->attributes[0]->value->string_value, "orders");
    assert_string_equal(group->resource->attributes[1]->value->string_value, "shop");
    assert_int_equal(group->n_scope_spans, 2);
    assert_string_equal(group->scope_spans[0]->scope->name, "durabletask");
    assert_int_equal(group->scope_spans[0]->n_spans, 2);
    assert_string_equal(group->scope_spans[1]->scope->name, "dapr-diagnostics");
    assert_int_equal(group->scope_spans[1]->n_spans, 1);
    assert_null(group->scope_spans[1]->spans[0]->status);
    const Otlp__Span *one = group->scope_spans[0]->spans[0];
    assert_int_equal(one->trace_id.len, 16);
    assert_memory_equal(one->span_id.data, span.self.span, 8);
    assert_memory_equal(one->parent_span_id.data, span.parent, 8);
    assert_int_equal(one->kind, 2);
    assert_true(one->start_time_unix_nano == 1700000000000000000u);
    assert_string_equal(one->attributes[0]->value->string_value, "orchestration");
    assert_int_equal(one->attributes[1]->value->int_value, 7);
    assert_int_equal(one->n_events, 2);
    assert_string_equal(one->events[0]->attributes[0]->value->string_value, "approval");
    assert_int_equal(one->status->code, 2);
    assert_string_equal(one->status->message, "out of stock");
    pawl__arena_finish(&arena);
    pawl__buf_finish(&out);
}

// A copy stands by itself, and is bounded whatever it is a copy of.
static void test_copy(void **state) {
    struct pawl_span span = span_of();
    size_t size, huge = 3 * PAWL_SPAN_VALUE;
    char *text = malloc(huge);
    assert_non_null(text);
    memset(text, 'x', huge);
    struct pawl_attribute long_one = {"reason", {text, huge}, 0};
    struct pawl_span_event *many = calloc(2 * PAWL_SPAN_EVENTS, sizeof *many);
    assert_non_null(many);
    for (int i = 0; i < 2 * PAWL_SPAN_EVENTS; i++)
        many[i] = (struct pawl_span_event){.name = "event", .at = i};
    span.attributes = &long_one;
    span.attribute_count = 1;
    span.events = many;
    span.event_count = 2 * PAWL_SPAN_EVENTS;
    struct pawl_span *copy = pawl__span_copy(&span, &size);
    assert_non_null(copy);
    memset(text, 'y', huge);
    free(text);
    free(many);
    assert_int_equal(copy->event_count, PAWL_SPAN_EVENTS);
    assert_string_equal(copy->events[PAWL_SPAN_EVENTS - 1].name, "event");
    assert_int_equal(copy->events[PAWL_SPAN_EVENTS - 1].at, PAWL_SPAN_EVENTS - 1);
    assert_int_equal(copy->attributes[0].text.len, PAWL_SPAN_VALUE);
    assert_int_equal(copy->attributes[0].text.data[PAWL_SPAN_VALUE - 1], 'x');
    assert_string_equal(copy->attributes[0].key, "reason");
    assert_string_equal(copy->scope, "durabletask");
    free(copy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zipkin),
        cmocka_unit_test(test_otlp),
        cmocka_unit_test(test_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
