"""Jobs about mails begin after the answer, whose time they must not change."""

import asyncio

from auth.mail.carriers import Nowhere
from auth.mail.queue import MailQueue


def test_a_job_begins_only_when_the_answer_is_on_its_way() -> None:
    begun: list[bool] = []

    async def errand() -> None:
        begun.append(True)

    async def answer() -> list[bool]:
        queue = MailQueue(Nowhere(), "auth@example.test")
        workers = [asyncio.create_task(work) for work in queue.workers()]
        queue.later(errand)
        for _ in range(100):  # the steps of an answer: none of them waits for anything
            await asyncio.sleep(0)
        before = list(begun)
        await queue.drain(30)
        for worker in workers:
            worker.cancel()
        return before

    assert asyncio.run(answer()) == []
    assert begun == [True]
