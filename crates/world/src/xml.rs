//! A few verbs to write XML documents with; the escaping is quick-xml's.

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event},
};

/// An XML document while it is written.
pub struct Xml(Writer<Vec<u8>>);

impl Xml {
    /// A document with one root element in a namespace.
    pub fn document(root: &str, namespace: &str, content: impl FnOnce(&mut Self)) -> Vec<u8> {
        let mut xml = Self(Writer::new(Vec::new()));
        xml.put(Event::Decl(BytesDecl::new("1.0", None, None)));
        xml.put(Event::Start(
            BytesStart::new(root).with_attributes([("xmlns", namespace)]),
        ));
        content(&mut xml);
        xml.put(Event::End(BytesEnd::new(root)));
        xml.0.into_inner()
    }

    /// An element with elements inside.
    pub fn node(&mut self, name: &str, content: impl FnOnce(&mut Self)) {
        self.put(Event::Start(BytesStart::new(name)));
        content(self);
        self.put(Event::End(BytesEnd::new(name)));
    }

    /// An element with text inside.
    pub fn text(&mut self, name: &str, text: impl AsRef<str>) {
        self.node(name, |xml| xml.put(Event::Text(BytesText::new(text.as_ref()))));
    }

    /// An element with text inside, if there is a text.
    pub fn maybe(&mut self, name: &str, text: Option<impl AsRef<str>>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    fn put(&mut self, event: Event<'_>) {
        // Writing into a `Vec` does not fail.
        let _ = self.0.write_event(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_text() {
        let document = Xml::document("a", "urn:x", |xml| {
            xml.text("b", "\"v=1 <&>\"");
            xml.maybe("c", None::<&str>);
        });
        assert_eq!(
            String::from_utf8(document).unwrap(),
            r#"<?xml version="1.0"?><a xmlns="urn:x"><b>&quot;v=1 &lt;&amp;&gt;&quot;</b></a>"#
        );
    }
}
