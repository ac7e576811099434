"""The costs in docs/growing.md are those of the price list."""

import re
from collections.abc import Iterable

from costs import bill, price_list
from costs.bill import Bill
from costs.positions import Resource
from tests.prose import REPOSITORY
from tests.unit.costs.test_bill import MONITOR, balancer, cluster, nodes, vm, volume

PAGE = (REPOSITORY / "docs" / "growing.md").read_text()


SYSTEM = Resource(
    name="auth-database",
    type="oci:Psql/dbSystem:DbSystem",
    inputs={
        "shape": "PostgreSQL.VM.Standard.E5.Flex",
        "instanceOcpuCount": 1,
        "instanceMemorySizeInGbs": 16,
    },
)


def cells(cost: Bill) -> str:
    return f"| {cost.price:.2f} | {cost.list_price:.2f} |"


def test_the_page_has_the_date_of_the_prices() -> None:
    prices = price_list.current()

    assert f"list prices of {prices.date} in {prices.currency}" in PAGE


def test_each_size_of_the_vm_has_its_price() -> None:
    sizes = re.findall(r"^\| (\d+), (\d+)[^|]* (\|.*\|)$", PAGE, re.MULTILINE)

    assert [row for _, _, row in sizes] == [
        cells(bill.monthly([vm(ocpus=ocpus, memory=memory), volume()]))
        for ocpus, memory, _ in sizes
    ]
    assert len(sizes) == 4


def test_each_server_for_postgresql_has_its_price() -> None:
    one = [vm(), volume()]

    assert re.search(rf"second VM of 1 OCPU and 6 GB .* {re.escape(cells(of(one * 2)))}", PAGE)
    assert f"a PostgreSQL server that you have {cells(of(one))}" in PAGE
    assert f"without its storage {cells(of([*one, SYSTEM]))}" in PAGE
    assert f"| {of([SYSTEM]).price:.0f} USD a month and the storage |" in PAGE


def test_each_size_of_a_cluster_has_its_price() -> None:
    sizes = re.findall(r"^\| (\d+) of (\d+), (\d+)[^|]* (\|.*\|)$", PAGE, re.MULTILINE)

    bills = [
        of([cluster(), nodes(int(count), ocpus=int(ocpus), memory=int(memory)), balancer()])
        for count, ocpus, memory, _ in sizes
    ]
    assert [row for *_, row in sizes] == [cells(each) for each in bills]
    assert f"PostgreSQL, and {bills[0].price:.0f} to {bills[-1].price:.0f} USD a month" in PAGE
    two, one = of([balancer(), balancer()]), of([balancer()])
    assert f"a second costs {two.price - one.price:.2f}" in PAGE
    least = of([cluster(), nodes(), balancer(), SYSTEM])
    assert f"makes it {least.price:.2f} with the two smallest" in re.sub(r"\s+", " ", PAGE)


def test_the_prices_in_sentences_are_those_of_the_list() -> None:
    for shape in ("VM.Standard.E4.Flex", "VM.Standard.E5.Flex"):
        price = of([vm(shape, ocpus=2, memory=8), volume()]).price
        assert re.search(rf"{re.escape(shape)}(?: cost)? {price:.2f}", PAGE)
    monitor = Resource(
        name="auth-monitor", type=MONITOR, inputs={"intervalInSeconds": 10, "targets": ["a"]}
    )
    assert f"costs {of([monitor]).price:.2f} more" in PAGE
    free, more = of([vm(), volume("150")]), of([vm(), volume("151")])
    assert f"Always Free costs {(more.price - free.price).normalize()} USD" in PAGE
    most = of([vm(ocpus=8, memory=48), volume()]).price
    assert f"0 to {most:.0f} USD a month" in PAGE


def of(resources: Iterable[Resource]) -> Bill:
    return bill.monthly(resources)
