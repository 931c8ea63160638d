// Resources of kind Resiliency.

#include "kit.h"

#include <stdio.h>

#include "base/clock.h"

static struct pawl_config_stores stores;

static enum pawl_err load(struct kit *kit) {
    static const char *const folders[] = {"r"};
    return pawl__components_load(&kit->context, folders, 1, &stores, &kit->error);
}

// Two stores, and the document |text| below "spec:", whose first line is 5.
static enum pawl_err load_with(struct kit *kit, const char *text) {
    char all[8192];
    snprintf(all, sizeof all, "kind: Resiliency\nmetadata:\n  name: rules\nspec:\n%s", text);
    kit_write("r/b.yaml", all);
    kit_write("r/a.yaml",
              "kind: Component\nmetadata: {name: one}\nspec: {type: state.in-memory}\n"
              "---\n"
              "kind: Component\nmetadata: {name: two}\nspec: {type: state.in-memory}\n");
    return load(kit);
}

static const char all_kinds[] =
    "  policies:\n"
    "    timeouts: {general: 5s, short: 250}\n"
    "    retries:\n"
    "      steady: {policy: constant, duration: 1500ms, maxRetries: 3}\n"
    "      forever: {policy: Exponential, maxInterval: 15s}\n"
    "      matched:\n"
    "        duration: 1\n"
    "        matching: {httpStatusCodes: \"429,500-599\","
    " gRPCStatusCodes: \"1,14\"}\n"
    "    circuitBreakers:\n"
    "      simple: {maxRequests: 2, interval: 8s, timeout: 45s, "
    "trip: consecutiveFailures > 1}\n"
    "      bare: {}\n"
    "  targets:\n"
    "    components:\n"
    "      one:\n"
    "        outbound: {timeout: short, retry: steady, "
    "circuitBreaker: simple}\n"
    "      two:\n"
    "        inbound: {timeout: general}\n"
    "        outbound: {retry: forever, circuitBreaker: bare}\n"
    "      bus:\n"
    "        inbound: {retry: matched}\n"
    "    apps:\n"
    "      other: {timeout: general, circuitBreakerCacheSize: 5}\n"
    "    actors:\n"
    "      kind: {circuitBreaker: bare, circuitBreakerScope: both}\n";

// Whether the breaker opens after |failures| in a row.
static bool opens(const struct pawl_policy *policy, int failures) {
    const struct pawl_trip_counts counts = {.consecutive_failures = failures};
    return pawl__trip_eval(&policy->rule.trip, &counts);
}

static void test_all(void **state) {
    struct kit *kit = *state;
    assert_int_equal(load_with(kit, all_kinds), PAWL_OK);
    assert_int_equal(stores.policies.count, 1);
    assert_string_equal(stores.policies.items[0].name, "rules");
    const struct pawl_policy *one = &stores.items[0].policy, *two = &stores.items[1].policy;
    assert_int_equal(one->timeout, 250 * PAWL_MILLISECOND);
    assert_true(one->retries && one->breaks);
    assert_int_equal(one->backoff.first, 1500 * PAWL_MILLISECOND);
    assert_int_equal(one->backoff.most, 1500 * PAWL_MILLISECOND);
    assert_int_equal(one->backoff.retries, 3);
    assert_int_equal(one->backoff.elapsed, 0);
    assert_true(one->backoff.factor == 1 && one->backoff.jitter == 0);
    assert_int_equal(one->rule.probes, 2);
    assert_int_equal(one->rule.interval, 8 * PAWL_SECOND);
    assert_int_equal(one->rule.rest, 45 * PAWL_SECOND);
    assert_true(opens(one, 2) && !opens(one, 1));

    assert_int_equal(two->timeout, 0);
    assert_true(two->retries && two->breaks);
    assert_int_equal(two->backoff.first, 500 * PAWL_MILLISECOND);
    assert_int_equal(two->backoff.most, 15 * PAWL_SECOND);
    assert_int_equal(two->backoff.elapsed, 900 * PAWL_SECOND);
    assert_int_equal(two->backoff.retries, -1);
    assert_true(two->backoff.factor == 1.5 && two->backoff.jitter == 0.5);
    assert_int_equal(two->rule.probes, 1);
    assert_int_equal(two->rule.interval, 0);
    assert_int_equal(two->rule.rest, 60 * PAWL_SECOND);
    assert_true(opens(two, 6) && !opens(two, 5));

    assert_logged(kit, "r/b.yaml:24: nothing acts on the policies of components \\\"bus\\\"");
    assert_logged(kit, "r/b.yaml:26: nothing acts on the policies of apps \\\"other\\\"");
    assert_logged(kit, "r/b.yaml:28: nothing acts on the policies of actors \\\"kind\\\"");
    assert_null(strstr(kit_log(kit), "components \\\"one\\\""));
}

// The most specific one of each kind holds, and none where a component is named at all.
static void test_defaults(void **state) {
    struct kit *kit = *state;
    static const char *const levels[] = {"", "Component", "ComponentOutbound",
                                         "StatestoreComponentOutbound"};
    for (int most = 0; most < 4; most++) {
        char text[4096], retries[1024] = "", timeouts[1024] = "";
        for (int i = 0; i <= most; i++) {
            sprintf(retries + strlen(retries), "      Default%sRetryPolicy: {maxRetries: %d}\n",
                    levels[i], i);
            sprintf(timeouts + strlen(timeouts), "      Default%sTimeoutPolicy: %ds\n", levels[i],
                    i + 1);
        }
        snprintf(text, sizeof text,
                 "  policies:\n    timeouts:\n%s    retries:\n%s"
                 "    circuitBreakers: {DefaultCircuitBreakerPolicy: {timeout: 7s}}\n"
                 "  targets: {components: {two: {inbound: {}}}}\n",
                 timeouts, retries);
        assert_int_equal(load_with(kit, text), PAWL_OK);
        const struct pawl_policy *one = &stores.items[0].policy;
        assert_int_equal(one->backoff.retries, most);
        assert_int_equal(one->timeout, (most + 1) * PAWL_SECOND);
        assert_int_equal(one->rule.rest, 7 * PAWL_SECOND);
        assert_true(pawl__policy_is_none(&stores.items[1].policy));
    }
}

// Policies and targets of several documents are one set; scopes keep those of other apps out.
static void test_documents(void **state) {
    struct kit *kit = *state;
    kit_write("r/c.yaml", "kind: Resiliency\nmetadata: {name: late}\nscopes: [shop]\nspec:\n"
                          "  targets: {components: {one: {outbound: {timeout: general}}}}\n");
    kit_write("r/d.yaml", "kind: Resiliency\nmetadata: {name: not}\nscopes: [other]\nspec:\n"
                          "  policies: {timeouts: {general: 99s}}\n");
    assert_int_equal(load_with(kit, all_kinds), PAWL_OK);
    assert_int_equal(stores.policies.count, 2);
    assert_int_equal(stores.items[0].policy.timeout, 5 * PAWL_SECOND);
    assert_false(stores.items[0].policy.retries);
    struct pawl_str said = stores.policies_said;
    assert_int_equal(load_with(kit, all_kinds), PAWL_OK);
    assert_true(pawl__str_equal(said, stores.policies_said));
    assert_int_equal(load_with(kit, "  policies: {timeouts: {general: 6s}}\n"), PAWL_OK);
    assert_false(pawl__str_equal(said, stores.policies_said));
    assert_int_equal(stores.items[0].policy.timeout, 6 * PAWL_SECOND);
}

static void test_empty(void **state) {
    struct kit *kit = *state;
    static const char *const texts[] = {
        "  policies:\n  targets:\n",
        "  {}\n",
        "  policies: {timeouts: , retries: {}}\n",
        "  policies: {retries: {r: }, circuitBreakers: {b: }}\n  targets: {components: {one: , "
        "two: {outbound: {retry: "
        "\"\"}}}}\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (load_with(kit, texts[i])) fail_msg("%s: %s", texts[i], kit->error.text);
        assert_true(pawl__policy_is_none(&stores.items[0].policy));
        assert_true(pawl__policy_is_none(&stores.items[1].policy));
    }
}

static void test_wrong(void **state) {
    struct kit *kit = *state;
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"  policies: {timeouts: {general: soon}}\n",
         "r/b.yaml:5: general has to be a duration such as 500ms, 5s or 1m30s"},
        {"  policies: {timeouts: {general: -5s}}\n",
         "r/b.yaml:5: general has to be a duration such as 500ms, 5s or 1m30s"},
        {"  policies: {timeouts: {general: {}}}\n",
         "r/b.yaml:5: general has to be a duration such as 500ms, 5s or 1m30s"},
        {"  policies: {timeouts: [general]}\n", "r/b.yaml:5: timeouts has to be a map of names"},
        {"  policies: {retries: {r: {duration: 1x}}}\n",
         "r/b.yaml:5: duration has to be a duration such as 500ms, 5s or 1m30s"},
        {"  policies: {retries: {r: {policy: linear}}}\n",
         "r/b.yaml:5: policy has to be constant or exponential"},
        {"  policies: {retries: {r: {maxRetries: many}}}\n",
         "r/b.yaml:5: maxRetries has to be a whole number"},
        {"  policies: {retries: {r: {matching: {httpStatusCodes: \"99\"}}}}\n",
         "r/b.yaml:5: httpStatusCodes has to be codes from 100 to 599 such as \"100,101-599\""},
        {"  policies: {retries: {r: {matching: {gRPCStatusCodes: \"5-2\"}}}}\n",
         "r/b.yaml:5: gRPCStatusCodes has to be codes from 0 to 16 such as \"0,1-16\""},
        {"  policies: {circuitBreakers: {b: {maxRequests: -1}}}\n",
         "r/b.yaml:5: maxRequests has to be a whole number above 0"},
        {"  policies: {circuitBreakers: {b: {trip: failures > 5}}}\n",
         "r/b.yaml:5: trip has to be a condition such as consecutiveFailures > 5; at \"failures > "
         "5\" it has something other than a number or one of requests, totalSuccesses, "
         "totalFailures, consecutiveSuccesses and consecutiveFailures"},
        {"  targets: {components: {one: {outbound: {retry: nope}}}}\n",
         "r/b.yaml:5: retry has to be the name of one of spec.policies.retries"},
        {"  targets: {components: {bus: {inbound: {timeout: nope}}}}\n",
         "r/b.yaml:5: timeout has to be the name of one of spec.policies.timeouts"},
        {"  targets: {apps: {other: {circuitBreaker: nope}}}\n",
         "r/b.yaml:5: circuitBreaker has to be the name of one of spec.policies.circuitBreakers"},
        {"  policies: {circuitBreakers: {b: {}}}\n  targets: {actors: {k: {circuitBreaker: b}}}\n",
         "r/b.yaml:6: circuitBreakerScope has to be type, id or both, where there is a "
         "circuitBreaker"},
        {"  policies: {}\ntargets: {components: {}}\n",
         "r/b.yaml:6: targets has to be within spec"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (load_with(kit, rows[i].text) != PAWL_E_INVALID) fail_msg("%s is right", rows[i].text);
        assert_error(kit, rows[i].error);
    }
    assert_int_equal(load_with(kit, "  policies: {circuitBreaker: {}}\n"), PAWL_E_INVALID);
    assert_non_null(strstr(kit->error.text, "circuitBreakers"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_defaults, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_documents, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_empty, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_wrong, kit_begin, kit_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
