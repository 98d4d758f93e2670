"""What a person does in the browser where the page has to be waited for."""

from playwright.sync_api import Page, expect


def told(shown: Page, text: str) -> None:
    """Wait for what came of a form: at once, or in the background where that takes long."""
    ended, saying = shown.get_by_role("link", name="show what came of it"), shown.locator(".saying.good")
    expect(saying.or_(ended).first).to_be_visible(timeout=60_000)
    if ended.count():
        ended.click()
    expect(saying.first).to_contain_text(text)
