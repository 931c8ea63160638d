#include "kit.h"

#include "engine/events.h"
#include "engine/trace.h"

// Where workflows stand in traces, and what they pass on.

#define PARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define SPAN   "1122334455667788"
#define OWN    "00-0af7651916cd43dd8448eb211c80319c-" SPAN "-01"

// The traceparent of a part of the workflow.
static const char *part_of(enum pawl_trace_part part, int32_t id) {
    static char text[PAWL_TRACE_TEXT];
    struct pawl_trace own;
    assert_true(pawl__trace_parse(PAWL_STR(OWN), &own));
    own = pawl__trace_part(&own, part, id);
    pawl__trace_format(&own, text);
    return text;
}

static const Pb__ExecutionStartedEvent *start_of(struct kit *kit, const char *id) {
    const Pb__ExecutionStartedEvent *start = pawl__instance_start(kit_find(kit, id), &kit->arena);
    assert_non_null(start);
    return start;
}

static void assert_under_own(const Pb__TraceContext *context) {
    assert_non_null(context);
    assert_string_equal(context->traceparent, OWN);
    assert_string_equal(context->spanid, SPAN);
}

static void test_passes_on(void **state) {
    static struct kit kit;
    kit_init(&kit);
    kit.trace = PARENT;
    kit.span = SPAN;
    kit_create(&kit, "a", "Order");
    assert_int_equal(
        kit_turn(&kit, "a",
                 ACTIONS(kit_task(&kit, 0, "Pay", NULL), kit_child(&kit, 1, "b", "Ship"),
                         kit_detached(&kit, 2, "c", "Tell"))),
        PAWL_OK);
    assert_string_equal(start_of(&kit, "a")->parenttracecontext->traceparent, PARENT);
    assert_under_own(kit_event(&kit, "a", 2)->taskscheduled->parenttracecontext);
    assert_under_own(kit_event(&kit, "a", 3)->childworkflowinstancecreated->parenttracecontext);

    // An activity runs in a span of its own, the same each time it is handed out.
    for (int i = 0; i < 2; i++) {
        const Pb__TraceContext *context = kit_activity(&kit, "a", 0)->parenttracecontext;
        const char *expected = part_of(PAWL_TRACE_ACTIVITY, 0);
        assert_string_equal(context->traceparent, expected);
        assert_memory_equal(context->spanid, expected + 36, 16);
    }

    const struct {
        const char *id;
        enum pawl_trace_part part;
        int32_t action;
    } others[] = {{"b", PAWL_TRACE_CHILD, 1}, {"c", PAWL_TRACE_DETACHED, 2}};
    for (size_t i = 0; i < 2; i++) {
        const Pb__ExecutionStartedEvent *start = start_of(&kit, others[i].id);
        assert_under_own(start->parenttracecontext);
        assert_memory_equal(start->workflowspanid->value,
                            part_of(others[i].part, others[i].action) + 36, 16);
        struct pawl_trace own;
        assert_true(pawl__trace_of_start(start, &own));
    }
    struct pawl_trace own, same;
    assert_true(pawl__trace_of_instance(kit_find(&kit, "a"), &own));
    assert_true(pawl__trace_parse(PAWL_STR(OWN), &same));
    assert_memory_equal(own.span, same.span, sizeof own.span);
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// A new generation is the root of a trace of its own, and says so by being its own parent.
static void test_continue_as_new(void **state) {
    static struct kit kit;
    kit_init(&kit);
    kit.trace = PARENT;
    kit.span = SPAN;
    kit_create(&kit, "a", "Order");
    kit_turn(&kit, "a", ACTIONS(kit_continue(&kit, 0, "1")));
    const Pb__ExecutionStartedEvent *start = start_of(&kit, "a");
    struct pawl_trace own, parent;
    assert_true(pawl__trace_of_start(start, &own));
    assert_true(pawl__trace_of_context(start->parenttracecontext, &parent));
    assert_memory_equal(own.span, parent.span, sizeof own.span);
    assert_string_not_equal(start->parenttracecontext->traceparent, PARENT);
    kit_assert_replays(&kit);
    kit_turn(&kit, "a", ACTIONS(kit_continue(&kit, 0, "2")));
    assert_true(pawl__trace_of_start(start_of(&kit, "a"), &parent));
    assert_memory_not_equal(own.id, parent.id, sizeof own.id);
    kit_finish(&kit);
}

// A client's context without a span of ours goes through as it is; without any there is none.
static void test_untraced(void **state) {
    static struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "plain", "Order");
    kit.trace = PARENT;
    kit_create(&kit, "given", "Order");
    for (int i = 0; i < 2; i++) {
        const char *id = i ? "given" : "plain";
        kit_turn(&kit, id, ACTIONS(kit_task(&kit, 0, "Pay", NULL), kit_child(&kit, 1, "", "Ship")));
        struct pawl_trace own;
        assert_false(pawl__trace_of_instance(kit_find(&kit, id), &own));
        const Pb__TraceContext *context = kit_activity(&kit, id, 0)->parenttracecontext;
        const Pb__ExecutionStartedEvent *child = start_of(&kit, i ? "given:0001" : "plain:0001");
        assert_null(child->workflowspanid);
        if (!i) {
            assert_null(context);
            assert_null(child->parenttracecontext);
        } else {
            assert_string_equal(context->traceparent, PARENT);
            assert_string_equal(child->parenttracecontext->traceparent, PARENT);
        }
        kit_raise(&kit, id, "go", NULL);
        kit_turn(&kit, id, ACTIONS(kit_continue(&kit, 2, "1")));
        assert_null(start_of(&kit, id)->parenttracecontext);
    }
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// What a client sends is never more than text.
static void test_malformed(void **state) {
    static const struct {
        const char *trace, *span;
    } rows[] = {{"nonsense", SPAN}, {PARENT, "xyz"}, {PARENT, ""}, {"", SPAN}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static struct kit kit;
        kit_init(&kit);
        kit.trace = rows[i].trace;
        kit.span = rows[i].span;
        kit_create(&kit, "a", "Order");
        assert_int_equal(kit_turn(&kit, "a", ACTIONS(kit_task(&kit, 0, "Pay", NULL))), PAWL_OK);
        struct pawl_trace own;
        assert_false(pawl__trace_of_instance(kit_find(&kit, "a"), &own));
        assert_string_equal(kit_activity(&kit, "a", 0)->parenttracecontext->traceparent,
                            rows[i].trace);
        kit_assert_replays(&kit);
        kit_finish(&kit);
    }
}

static void test_older_context(void **state) {
    Pb__TraceContext context = PB__TRACE_CONTEXT__INIT;
    struct pawl_trace trace;
    context.traceparent = "0af7651916cd43dd8448eb211c80319c";
    context.spanid = "b7ad6b7169203331";
    assert_true(pawl__trace_of_context(&context, &trace));
    char text[PAWL_TRACE_TEXT];
    pawl__trace_format(&trace, text);
    assert_string_equal(text, PARENT);
    context.spanid = "b7ad";
    assert_false(pawl__trace_of_context(&context, &trace));
    assert_false(pawl__trace_of_context(NULL, &trace));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passes_on),     cmocka_unit_test(test_continue_as_new),
        cmocka_unit_test(test_untraced),      cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_older_context),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
