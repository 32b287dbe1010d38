"""Reads a source's lists, where one page refreshes more invoices than single requests would."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import anyio
import structlog
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectSendStream

from watcher.clock import sleep_or
from watcher.core.errors import (
    CredentialsRefused,
    ListRefused,
    ProviderUnavailable,
    RateLimited,
    SlotMissed,
    StoreUnavailable,
)
from watcher.polling.fetch import ActiveSource
from watcher.polling.list_sync_plan import (
    CHANGES_OVERLAP,
    LEAST_REQUESTS,
    Lists,
    Round,
    confirmations,
    pages_worth,
    plan_next,
)
from watcher.polling.poll_runner import PollRunner
from watcher.polling.recorder import Outcome, pass_on
from watcher.polling.source_plan import SourcePlan
from watcher.polling.urgent_polls import UrgentPolls
from watcher.ports import ListedIds, ListSyncKind, ListSyncs, Page

_log = structlog.get_logger()

_ROUND_LEASE = timedelta(minutes=10)
_PAGE_LEASE = timedelta(minutes=2)
_REFUSED_FOR = timedelta(hours=1)
_BROKEN_OFF_FOR = timedelta(minutes=5)
"""After a list that began well: the row at which its next page starts may have been deleted meanwhile."""
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_PAGES = 100_000
_COUNTED = 2000
"""How many more due watches are counted than make a round worthwhile: a list does not refresh the settled ones among
them.
"""
_TRIES = 3
_PART = 500
"""Rows that are leased and evaluated at once: a list without pages may have tens of thousands."""


class ListSync:
    """Decides for each source when to read its lists, and evaluates their rows like polls."""

    def __init__(
        self, list_syncs: ListSyncs, runner: PollRunner, *, on_end: Callable[[], None], idle: timedelta
    ) -> None:
        self._list_syncs = list_syncs
        self._runner = runner
        self._idle = idle
        self._clock = runner.clock
        self._on_end = on_end
        self._urgent_polls = UrgentPolls(list_syncs, runner)
        self._known: dict[str, Lists] = {}

    async def run(
        self,
        sources: Callable[[], Mapping[str, ActiveSource]],
        send: MemoryObjectSendStream[Outcome],
        on_heartbeat: Callable[[str], None],
    ) -> None:
        """Run until stopped. Sources are synced in parallel, each by one task at a time."""
        async with anyio.create_task_group() as rounds:
            while not self._runner.stopping.is_set():
                on_heartbeat("list sync")
                for source in sources().values():
                    await self._begin_if_due(source, send, rounds)
                await sleep_or(self._clock, self._runner.stopping, self._idle)

    async def sync_once(self, source: ActiveSource, send: MemoryObjectSendStream[Outcome]) -> None:
        """Make the round that is due now, if any, and return when it has ended."""
        async with anyio.create_task_group() as rounds:
            await self._begin_if_due(source, send, rounds)

    async def _begin_if_due(
        self, source: ActiveSource, send: MemoryObjectSendStream[Outcome], rounds: TaskGroup
    ) -> None:
        name, now = source.plan.name, self._clock.now()
        lists = self._known.setdefault(name, Lists())
        if source.is_syncing or self._runner.network.is_down:
            return
        try:
            chosen = await self._choose_round(source, lists, now)
            if chosen is None:
                return
            until = now + max(_ROUND_LEASE, 3 * source.plan.spacing.interval * (lists.pages or 0))
            if not await self._list_syncs.begin(name, chosen.kind, now, until):
                lists.next_at[chosen.kind] = now + min(source.plan.poll_rules.every, _ROUND_LEASE) / 2
                return
        except StoreUnavailable as error:
            _log.error("sweep.not_begun", source=name, error=str(error))
            return
        source.is_syncing = True
        rounds.start_soon(self._run_round, source, lists, chosen, send)

    async def _choose_round(self, source: ActiveSource, lists: Lists, now: datetime) -> Round | None:
        plan = source.plan
        if plan.discover and lists.is_time_for(ListSyncKind.DISCOVERY, now):
            return Round(ListSyncKind.DISCOVERY, _MOST_PAGES)
        if lists.is_time_for(ListSyncKind.REFRESH, now):
            size = plan.provider.batch_size
            enough = ((lists.pages or LEAST_REQUESTS) + 1) * size
            since = now - plan.poll_rules.slowest if lists.are_partial else None
            due = await self._list_syncs.count_due(plan.name, now, enough + _COUNTED, partial_since=since)
            worth = pages_worth(due, size, lists.pages)
            if worth is not None:
                return Round(ListSyncKind.REFRESH, max(worth, 2 * (lists.pages or 0)), least=size)
        if plan.provider.lists_changes and lists.is_time_for(ListSyncKind.CHANGES, now):
            since = (lists.changes_since or now) - CHANGES_OVERLAP
            return Round(ListSyncKind.CHANGES, _MOST_PAGES, since=since)
        return None

    async def _run_round(
        self, source: ActiveSource, lists: Lists, chosen: Round, send: MemoryObjectSendStream[Outcome]
    ) -> None:
        name, began_at, left = source.plan.name, self._clock.now(), 0
        try:
            # Partial rows cannot replace a first poll; whole documents can, for all that was new when the round was
            # chosen.
            new_since = _EVER if lists.are_partial else began_at
            async with self._urgent_polls.at_work(source, send, new_since=new_since):
                await self._read(source, lists, chosen, send)
            left = await self._confirm_absent(source.plan, lists, chosen)
            chosen.discovers = source.plan.discover
            kinds = plan_next(
                lists,
                chosen,
                began_at=began_at,
                now=self._clock.now(),
                every=source.plan.poll_rules.every,
                interval=source.plan.spacing.interval,
            )
            for kind in kinds:
                await self._list_syncs.end(name, kind, lists.next_at[kind])
        except StoreUnavailable as error:
            _log.error("sweep.not_ended", source=name, error=str(error))
        finally:
            source.is_syncing = False
            self._on_end()
        _log.info(
            "sweep.done",
            source=name,
            kind=chosen.kind.value,
            pages=chosen.pages,
            refreshed=chosen.refreshed,
            discovered=chosen.added,
            left=left,
            complete=chosen.is_complete,
        )

    async def _read(
        self, source: ActiveSource, lists: Lists, chosen: Round, send: MemoryObjectSendStream[Outcome]
    ) -> None:
        while not chosen.is_over and not self._runner.stopping.is_set():
            chosen.leased.clear()
            chosen.is_over = True
            for outcome in await self._runner.guarded(source, chosen.leased, self._page(source, lists, chosen)):
                await pass_on(send, outcome)

    async def _confirm_absent(self, plan: SourcePlan, lists: Lists, chosen: Round) -> int:
        """Poll sooner the watches that the last round listed and this one did not; returns how many.

        Pages shift while they are read, so absence proves nothing; but most of these invoices were settled. The poll by
        id decides; a watch that was polled in this way is not polled so again before a list names it again.
        """
        if not chosen.is_complete or chosen.kind is ListSyncKind.CHANGES:
            return 0
        before, lists.listed_at = lists.listed_at, frozenset(chosen.listed_at)
        times = confirmations(self._clock.now(), plan.provider.batch_size, plan.spacing.interval)
        return await self._list_syncs.poll_sooner(plan.name, before, times)

    async def _page(self, source: ActiveSource, lists: Lists, chosen: Round) -> tuple[Outcome, ...]:
        page = await self._next_page(source, lists, chosen)
        if page is None:
            return ()
        changed_before = chosen.changed_rows
        outcomes = [
            await self._rows(source, chosen, replace(page, rows=page.rows[start : start + _PART]))
            for start in range(0, len(page.rows), _PART)
        ]
        chosen.pages += 1
        chosen.listed_at.append(page.answered_at)
        is_repeated = page.next_page == chosen.following and page.next_page is not None
        has_nothing_new = chosen.since is not None and chosen.changed_rows == changed_before
        chosen.following = page.next_page
        chosen.is_complete = page.next_page is None or has_nothing_new
        # The count of what the round can refresh was wrong: partial rows cannot replace a first poll or a very old one.
        chosen.is_mistaken = chosen.kind is ListSyncKind.REFRESH and lists.are_partial is None and bool(page.omits)
        lists.are_partial = bool(page.omits)
        is_in_vain = chosen.pages >= LEAST_REQUESTS and chosen.is_unworthy
        chosen.is_over = chosen.is_complete or is_repeated or chosen.pages >= chosen.most or is_in_vain
        chosen.is_over = chosen.is_over or chosen.is_mistaken
        return tuple(outcomes)

    async def _rows(self, source: ActiveSource, chosen: Round, page: Page) -> Outcome:
        """Watch new ids, and evaluate the rows of watched invoices."""
        plan, now = source.plan, self._clock.now()
        unsettled = [row.invoice_id for row in page.rows if not row.is_settled]
        added = await self._list_syncs.discover(plan.name, unsettled, now) if plan.discover else 0
        listed = ListedIds(
            source=plan.name,
            ids=tuple(row.invoice_id for row in page.rows if row.result is not None or page.omits),
            unsettled=frozenset(unsettled),
            asked_at=page.asked_at,
            partial_since=now - plan.poll_rules.slowest if page.omits else None,
        )
        claim = await self._list_syncs.lease_listed(listed, now, _PAGE_LEASE)
        chosen.leased.extend(claim.watches)
        records, changed_rows = self._runner.fetcher.evaluate_page(source, claim.watches, page)
        await self._list_syncs.request_polls(changed_rows, self._clock.now())
        chosen.added += added
        chosen.changed_rows += added + len(changed_rows)
        chosen.refreshed += len(records)
        return Outcome(plan.name, claim.watches, records, page.asked_at)

    async def _next_page(self, source: ActiveSource, lists: Lists, chosen: Round) -> Page | None:
        """The next page of the round; None if the round has to end early."""
        plan, asked_at = source.plan, self._clock.now()
        for _ in range(_TRIES):
            try:
                send_slot = self._runner.send_slot(source)
                return await plan.provider.list_page(chosen.following, send_slot, changed_since=chosen.since)
            except SlotMissed:
                continue
            except RateLimited as error:
                await self._runner.fetcher.back_off(source, (), error, asked_at)
                return None
            except ListRefused as error:
                self._postpone(source, lists, chosen, str(error))
                return None
            except (CredentialsRefused, ProviderUnavailable) as error:
                if not await self._runner.fetcher.is_account_failing(source, error, asked_at):
                    self._postpone(source, lists, chosen, str(error))
                return None
        return None

    def _postpone(self, source: ActiveSource, lists: Lists, chosen: Round, why: str) -> None:
        until = self._clock.now() + (_BROKEN_OFF_FOR if chosen.pages else _REFUSED_FOR)
        for kind in (chosen.kind, *(() if chosen.kind is ListSyncKind.CHANGES else (ListSyncKind.REFRESH,))):
            lists.postpone(kind, until)
        _log.warning("sweep.refused", source=source.plan.name, error=why, tried_again_at=until.isoformat())
