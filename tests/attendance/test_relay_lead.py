"""Who publishes: one of several processes on a ledger, and another one as soon as that has gone."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing

import pytest
from sqlalchemy import create_engine, text

from hadir.attendance.ledger import Ledger
from hadir.attendance.relay_lead import RelayLead
from hadir.core.errors import LedgerUnavailable

HOLDER = """
import sys, time
from hadir.attendance.relay_lead import RelayLead
lead = RelayLead(sys.argv[1])
print(lead.held(), flush=True)
time.sleep(60)
"""


def test_one_leads_until_it_lets_go(ledger: Ledger, ledger_url: str) -> None:
    del ledger
    first, second = RelayLead(ledger_url), RelayLead(ledger_url)
    with closing(second):
        with closing(first):
            assert first.held()
            assert not second.held()
            assert first.held(), "asking again gives nothing away"
        assert second.held()


def test_the_lead_goes_with_its_process_however_that_ends(ledger: Ledger, ledger_url: str) -> None:
    del ledger
    with closing(RelayLead(ledger_url)) as other:
        holder = subprocess.Popen([sys.executable, "-c", HOLDER, ledger_url], stdout=subprocess.PIPE, text=True)
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "True\n"
            assert not other.held()
        finally:
            holder.kill()
            holder.communicate()
        # PostgreSQL's session sees the end of its client a moment later.
        while not other.held():
            pass


@pytest.mark.postgres
def test_a_lead_that_was_lost_with_its_session_is_not_believed_in(postgres_url: str) -> None:
    Ledger.open(postgres_url).close()
    with closing(RelayLead(postgres_url)) as lead, closing(RelayLead(postgres_url)) as other:
        assert lead.held()
        engine = create_engine(postgres_url)
        with engine.begin() as connection:
            connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
            )
        engine.dispose()
        with pytest.raises(LedgerUnavailable):
            lead.held()
        assert other.held()
        assert not lead.held()
