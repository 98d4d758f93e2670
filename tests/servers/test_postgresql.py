"""The PostgreSQL that other tests rely on is there."""

from contextlib import closing


def test_a_new_database_is_empty_and_keeps_the_server_s_zone_apart_from_utc(postgresql):
    name = postgresql.new_database().rpartition("/")[2]
    with closing(postgresql.connect(name)) as connection:
        count, zone = connection.execute(
            "SELECT count(*), current_setting('timezone') FROM pg_tables WHERE schemaname = 'public'"
        ).fetchone()
    assert (count, zone) == (0, "America/New_York")
