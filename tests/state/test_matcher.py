"""What a matcher matches, and what it says of a request that it doesn't."""

from workflow_mock.state.exchange import Exchange, Facts, Target
from workflow_mock.state.matcher import Matcher
from workflow_mock.state.recorded_request import recorded

from tests.state.worlds import BEGIN

EXCHANGE = Exchange("1", BEGIN, Target(None), Facts(), recorded("POST", b"/", b"", (), b"Abc", False), 200)


def test_a_body_is_looked_at_by_all_patterns() -> None:
    patterns = [{"contains": "b"}, {"equalToIgnoreCase": "aBC"}, {"equalTo": "Abc"}]
    assert Matcher.model_validate({"bodyPatterns": patterns}).matches(EXCHANGE)
    said = Matcher.model_validate({"bodyPatterns": [*patterns, {"absent": True}]}).differences(EXCHANGE)
    assert said == ['body is not {"absent":true}']
