"""What may run in the page: the scripts that it states, and nothing that a text says."""

import base64
import hashlib

from noisegrid.reporting.page import inline


def test_the_policy_names_each_script_and_no_other():
    policy = inline.policy([inline.own()])
    digest = base64.b64encode(hashlib.sha256(str(inline.own()).encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy and policy.count("sha256-") == 1
    assert "default-src 'none'" in policy and "'unsafe-inline'" not in policy.partition("script-src")[2]


def test_data_cannot_end_its_script():
    assert inline.data({"a": "</script><!--&"}) == '{"a":"\\u003c/script\\u003e\\u003c!--\\u0026"}'


def test_a_library_cannot_end_its_script():
    for script in (inline.data_tables(), inline.vega(), inline.own()):
        assert "</script" not in script.lower() and "<!--" not in script
    assert "window.DataTable = " in inline.data_tables() and "export{" not in inline.data_tables()
    assert "window.vegaEmbed=" in inline.vega()
