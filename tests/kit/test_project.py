"""The tests of examples/python, each as it stands in the kit's documentation."""

import shutil
from pathlib import Path

from tests.kit.projects import PROJECT, run_tests

TESTS = {
    "test_it_starts_the_workflow",
    "test_it_tries_again_when_told_to_wait",
    "test_it_does_not_start_twice_when_the_answer_is_lost",
    "test_it_renews_a_token_that_ran_out",
    "test_the_report_is_done_after_an_hour",
    "test_the_whole_answer_is_the_stored_one",
    "test_a_bad_token_is_reported[expired]",
    "test_a_bad_token_is_reported[bad-signature]",
    "test_a_bad_token_is_reported[algorithm-none]",
    "test_a_bad_token_is_reported[missing-scope]",
    "test_the_job_is_sent_at_last[asyncio]",
}


def test_its_tests_pass(tmp_path: Path) -> None:
    shutil.copytree(PROJECT, tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__"))
    run = run_tests(tmp_path / "project", "-v", "-W", "error")
    passed = {line.split("::")[1].partition(" ")[0] for line in run.output.splitlines() if " PASSED" in line}
    assert (run.code, passed) == (0, TESTS), run.output
