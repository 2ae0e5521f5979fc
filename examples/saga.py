"""A saga: undo what was done when a later step fails.

    durable run examples/saga.py --event '{"trip": "t-1", "city": "Nowhere"}'

Each completed booking adds its compensation. When a later one fails, they run in reverse order.
A failed step raises an error of the class it raised itself, here `NoRoomError`, and so does its
replay, so an ordinary `except` decides.
"""

from typing import Any

from aws_durable_execution_sdk_python import DurableContext, durable_execution, durable_step


class NoRoomError(Exception):
    """There is no hotel room."""


@durable_step
def book(what: str, trip: str) -> str:
    return f"{what}-{trip}"


@durable_step
def book_hotel(city: str, trip: str) -> str:
    if city == "Nowhere":
        raise NoRoomError(f"no room in {city}")
    return f"hotel-{trip}"


@durable_step
def cancel(booking: str) -> str:
    return f"cancelled {booking}"


@durable_execution
def handler(event: dict[str, Any], context: DurableContext) -> dict[str, Any]:
    trip, city = event["trip"], event["city"]
    bookings: list[str] = []
    try:
        bookings.append(context.step(book("flight", trip), name="book_flight"))
        bookings.append(context.step(book("car", trip), name="book_car"))
        bookings.append(context.step(book_hotel(city, trip)))
    except NoRoomError as error:
        undone = [context.step(cancel(booking)) for booking in reversed(bookings)]
        return {"status": "cancelled", "reason": str(error), "compensated": undone}
    return {"status": "booked", "bookings": bookings}
