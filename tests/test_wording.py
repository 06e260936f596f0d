from headstock.wording import harmless, sparkline


def test_a_sparkline_goes_from_the_lowest_to_the_highest():
    assert sparkline([0.0, 0.5, 1.0]) == "▁▅█"
    assert sparkline([3.0, 1.0]) == "█▁"


def test_many_values_are_grouped_and_the_last_one_counts():
    line = sparkline([float(i) for i in range(1000)], width=8)
    assert line == "▁▂▃▄▅▆▇█"


def test_equal_values_and_none():
    assert sparkline([2.0, 2.0]) == "▁▁"
    assert sparkline([]) == ""


def test_nothing_that_a_terminal_would_obey_is_left():
    assert harmless("größe\x1b[31m 100%\x07\u202e\r") == r"größe\x1b[31m 100%\x07\u202e\r"
