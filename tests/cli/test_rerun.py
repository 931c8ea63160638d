"""pawl workflow rerun: one instance or many, and what cannot be run again."""

import clilib


class Rerun(clilib.Steering):
    def test_rerun(self):
        self.done("run", "echo", "-i", "sum", "-x", "7", "--wait")
        self.assertEqual(self.done("rerun", "sum", "--new-instance-id", "sum-2", "-x", "42"),
                         "\u2139\ufe0f  Rerunning workflow instance: sum-2\n")
        self.assertIn("42", self.done("get", "sum-2", "--wait"))
        self.assertRegex(self.done("rerun", "sum", "-e", "0").split()[-1], r"^[0-9a-f-]{36}$")
        self.assert_mistake(self.workflow("rerun", "sum", "-e", "7"), "cannot rerun 'sum'",
                            "does not have history event with ID '7'", code=1)
        self.assert_mistake(self.workflow("rerun", "nobody"), "does not exist with ID 'nobody'", code=1)
        self.assert_mistake(self.workflow("rerun"), "rerun: name the instance, or give filters")
        self.assert_mistake(self.workflow("rerun", "sum", "-e", "-1"), "--event-id")
        self.assert_mistake(self.workflow("rerun", "sum", "-x", "oops"), "--input is not JSON")

    def test_what_cannot_be_run_again(self):
        self.done("run", "busy", "-i", "busy")
        clilib.wait_for(lambda: self.listed("--filter-parent", "busy"))
        self.assert_mistake(self.workflow("rerun", "busy"), "'busy' is not in a terminal state", code=1)
        self.done("terminate", "busy")
        [child] = [one["instanceID"] for one in self.listed("--filter-parent", "busy")]
        activity, timer, start, end = ([one.get("eventId", 0) for one in self.events("busy") if kind in one][-1] for kind in (
            "taskScheduled", "timerCreated", "childWorkflowInstanceCreated", "executionCompleted"))
        for said, *args in (("the instance id is empty", ""), ("must be different from", "busy", "--new-instance-id", "busy"),
                            (f"'{child}': cannot rerun from child-workflows", child),
                            (f"cannot write input to timer event '{timer}'", "busy", "-e", timer, "-x", "1"),
                            (f"child workflow instance ID on activity event '{activity}'", "busy", "-e", activity, "--new-child-instance-id", "c"),
                            (f"child workflow instance ID on timer event '{timer}'", "busy", "-e", timer, "--new-child-instance-id", "c"),
                            (f"_ExecutionCompleted' with ID '{end}' is not an event that can be rerun", "busy", "-e", end),
                            (f"'{child}' has already been created", "busy", "--new-instance-id", child)):
            self.assert_mistake(self.workflow("rerun", *args), said, code=1)
        for new, *args in ("a", "-e", activity, "-x", "3"), ("t", "-e", timer), ("c", "-e", start, "-x", "null", "--new-child-instance-id", "mine"):
            self.done("rerun", "busy", "--new-instance-id", new, *args)
            self.wait_status(new, "RUNNING")
        clilib.wait_for(lambda: self.listed("--filter-parent", "c", "--filter-id", "mine"))

    def test_many_are_run_again(self):
        """From the step that failed, with other input; a second call leaves those alone that were."""
        for id in ("b-1", "b-2"):
            self.workflow("run", "buy", "-i", id, "-w")
        self.done("run", "echo", "-i", "e", "-x", "1", "-w")
        [failed] = [one["eventId"] for one in self.events("b-1") if one.get("taskScheduled", {}).get("name") == "pay"]
        command = ["rerun", "-s", "FAILED", "--from-failure", "--id-suffix=-again", "-x", "5", "-y"]
        for _ in range(2):
            self.assertEqual(self.done(*command), "✅  2 of 2 run again\n")
            for id in ("b-1-again", "b-2-again"):
                self.wait_status(id, "COMPLETED")
                self.assertEqual(self.get(id)["output"], "5")
        self.assertEqual(self.ids(), ["b-1", "b-2", "e", "b-1-again", "b-2-again"])
        [kept] = [one for one in self.events("b-1-again") if one.get("taskScheduled", {}).get("name") == "same"]
        self.assertIn(kept, self.events("b-1"))  # what was done before stays done
        # Without a failure it begins anew; --event-id names the same step.
        self.assertIn("Rerunning", self.done("rerun", "e", "-f", "--new-instance-id", "e-2"))
        self.assertIn("Rerunning", self.done("rerun", "b-1", "-e", failed, "-x", "6", "--new-instance-id", "b-3"))
        self.wait_status("b-3", "COMPLETED")
        self.assertEqual(self.get("b-3")["output"], "6")
        for args, said in ((["b-1", "-s", "FAILED"], "not both"), (["-s", "FAILED", "--new-instance-id", "x"], "is for one instance"),
                           (["b-1", "--id-suffix", "x"], "needs filters"), (["b-1", "-e", "1", "-f"], "not both"),
                           (["-s", "FAILED", "--id-suffix", ""], "needs a text")):
            self.assert_mistake(self.workflow("rerun", *args), said, code=2)


if __name__ == "__main__":
    clilib.main()
