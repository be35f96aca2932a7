"""What a person does at a chat and at the console."""

from __future__ import annotations

from playwright.async_api import Locator, Page, expect

INNERMOST = """((element) => {
    while (element.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
    return element;
})(document.activeElement)"""


class Chat:
    """A conversation on a page: the console's or the widget's."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.composer = page.get_by_role("textbox", name="Message", exact=True)
        self.stop = page.get_by_role("button", name="Stop", exact=True)
        self.answers = page.locator("turn-message article.assistant")
        self.own = page.locator("turn-message article.user")
        self.bar = page.locator(".link-bar")

    async def says(self, text: str) -> None:
        """Types a message and presses Enter."""
        await self.composer.fill(text)
        await self.composer.press("Enter")

    async def hears(self, text: str) -> Locator:
        """The one answer with that text, once it is complete."""
        answer = self.answers.filter(has_text=text)
        await expect(answer).to_have_count(1)
        await expect(self.stop).to_have_count(0)
        return answer

    async def shows(self, text: str) -> Locator:
        """The one message of a person's with that text."""
        message = self.own.filter(has_text=text)
        await expect(message).to_have_count(1)
        return message

    async def asks(self, text: str, answer: str) -> Locator:
        """Says something and hears an answer to it."""
        await self.says(text)
        return await self.hears(answer)


class Console(Chat):
    """The console, from the list of sessions to the keys."""

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        self.rows = page.get_by_role("list", name="Sessions").get_by_role("listitem")
        self.search = page.get_by_role("searchbox")

    async def is_in(self) -> None:
        """Somebody is signed in and the list is loaded."""
        await expect(self.page.get_by_role("list", name="Sessions")).to_have_attribute("aria-busy", "false")

    def row(self, title: str) -> Locator:
        """The sessions with that title."""
        return self.rows.filter(has_text=title)

    async def lists(self, *titles: str) -> None:
        """Exactly these sessions, in this order."""
        await expect(self.rows).to_have_count(len(titles))
        await expect(self.rows).to_contain_text(list(titles))

    async def filters(self, channel: str) -> None:
        """Shows one channel's sessions; `All` shows every one's."""
        await self.page.get_by_role("group", name="Channel").get_by_role("button", name=channel).click()

    async def selects(self, title: str) -> None:
        """Opens a session of the list."""
        await self.row(title).get_by_role("link").click()
        await expect(self.page.get_by_role("heading", level=1, name=title)).to_be_visible()

    async def focus(self) -> str:
        """What has the focus, innermost: tag, and label or text."""
        found: str = await self.page.evaluate(
            f"() => {{ const element = {INNERMOST}; "
            "return `${element.tagName} ${element.ariaLabel ?? element.innerText ?? ''}`.trim(); }"
        )
        return found

    async def focus_is_drawn(self) -> bool:
        """Whether one sees what has the focus; the composer draws it around its box, and a page has none."""
        drawn: bool = await self.page.evaluate(
            f"() => {{ const element = {INNERMOST}; "
            "const outline = getComputedStyle(element); const box = element.closest('.box, .search'); "
            "return element === document.body || (outline.outlineStyle !== 'none' && outline.outlineWidth !== '0px')"
            " || (box !== null && getComputedStyle(box).boxShadow !== 'none'); }"
        )
        return drawn
