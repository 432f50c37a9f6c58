"""`cost`: ask the door of the room, show its answer, give an exit code."""

from lakeferry.cli.columns import screen_width
from lakeferry.cli.cost_answers import route_bodies, route_lines
from lakeferry.cli.render import Screen
from lakeferry.cost.run import CostRequest, cost_of


def price(request: CostRequest, *, screen: Screen) -> int:
    """Price a plan by every path."""
    report = cost_of(request)
    for body in route_bodies(report):
        screen.result([], body)
    screen.result(route_lines(report, screen_width()), {"routes": len(report.routes)})
    return 0
