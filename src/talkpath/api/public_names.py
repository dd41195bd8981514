"""The public Python interface: every name that `import talkpath` offers, once (docs/python.md).

It is loaded when one of them is first used, so that `import talkpath` and the command line start quickly.
"""

from talkpath.api.asked_endpoints import EndpointResult as EndpointResult
from talkpath.api.asked_endpoints import endpoint_plan as endpoint_plan
from talkpath.api.asked_endpoints import endpoints as endpoints
from talkpath.api.check_result import Result as Result
from talkpath.api.lab_check import simulate as simulate
from talkpath.api.live_check import CheckProgress as CheckProgress
from talkpath.api.live_check import check as check
from talkpath.api.live_recording import listen as listen
from talkpath.api.recording import Recording as Recording
from talkpath.api.recording import read_capture as read_capture
from talkpath.api.verification import Verification as Verification
from talkpath.api.verification import judge as judge
from talkpath.api.verification import read_bundle as read_bundle
from talkpath.api.verification import verify as verify
from talkpath.errors import BundleError as BundleError
from talkpath.errors import FileError as FileError
from talkpath.errors import PeerError as PeerError
from talkpath.errors import TalkpathError as TalkpathError
from talkpath.errors import UsageError as UsageError
from talkpath.errors import WireError as WireError
from talkpath.evidence.bundle import Bundle as Bundle
from talkpath.measure.call import Attempt as Attempt
from talkpath.measure.call import Call as Call
from talkpath.measure.call import Findings as Findings
from talkpath.measure.call import Moment as Moment
from talkpath.measure.call import Paired as Paired
from talkpath.measure.call import Second as Second
from talkpath.measure.call import Stream as Stream
from talkpath.measure.endpoint_facts import EndpointFacts as EndpointFacts
from talkpath.measure.facts import Epoch as Epoch
from talkpath.measure.facts import Facts as Facts
from talkpath.observatory.events.record import Event as Event
from talkpath.report.rejudge import Judgement as Judgement
from talkpath.verdict.model import Category as Category
from talkpath.verdict.model import Number as Number
from talkpath.verdict.model import Reason as Reason
from talkpath.verdict.model import Verdict as Verdict
