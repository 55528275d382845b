//! Reading values into typed sections: a serde deserializer over [`Value`] whose errors are
//! [`Fault`]s. Scalars that a type parses for itself (exact numbers, time spans, sizes) receive
//! their source text.

use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{Deserializer, Error, Expected, IntoDeserializer, Unexpected, Visitor};

use super::tree::{Node, Value};

/// The newtype name by which a type asks for its source text.
pub(super) const SCALAR: &str = "$scalar";

/// What is wrong with a value, before it is known where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// A key that its table does not have.
    UnknownKey {
        /// As written.
        key: String,
        /// What the table has.
        allowed: &'static [&'static str],
    },
    /// A key that must be there.
    MissingKey(&'static str),
    /// A value of another kind than its key takes.
    WrongKind {
        /// What was written.
        found: String,
        /// What the key takes.
        expected: String,
    },
    /// A word that is not one of a fixed set.
    NotOneOf {
        /// As written.
        found: String,
        /// The set.
        allowed: &'static [&'static str],
    },
    /// Anything else, as a sentence.
    Sentence(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey { key, .. } => write!(f, "unknown key `{key}`"),
            Self::MissingKey(key) => write!(f, "the key `{key}` is missing"),
            Self::WrongKind { found, expected } => write!(f, "must be {expected}, is {found}"),
            Self::NotOneOf { found, .. } => write!(f, "cannot be {found:?}"),
            Self::Sentence(sentence) => f.write_str(sentence),
        }
    }
}

impl std::error::Error for Fault {}

impl Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Sentence(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::WrongKind { found: found.to_string(), expected: expected.to_string() }
    }

    fn unknown_field(key: &str, allowed: &'static [&'static str]) -> Self {
        Self::UnknownKey { key: key.to_owned(), allowed }
    }

    fn unknown_variant(found: &str, allowed: &'static [&'static str]) -> Self {
        Self::NotOneOf { found: found.to_owned(), allowed }
    }

    fn missing_field(key: &'static str) -> Self {
        Self::MissingKey(key)
    }
}

/// A value on its way into a type.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a Value);

impl<'a> Reader<'a> {
    /// Quoted or bare text.
    fn text(self) -> Option<&'a str> {
        match &self.0.node {
            Node::Text(text) | Node::Bare(text) => Some(text),
            _ => None,
        }
    }

    /// An unquoted number.
    fn number(self) -> Option<&'a str> {
        match &self.0.node {
            Node::Number(text) | Node::Bare(text) => Some(text),
            _ => None,
        }
    }

    fn wrong_kind<T>(self, expected: impl Into<String>) -> Result<T, Fault> {
        Err(Fault::WrongKind { found: describe(&self.0.node), expected: expected.into() })
    }

    fn read_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.0.node {
            Node::Table(table) => visitor.visit_map(MapDeserializer::new(
                table.iter().map(|(key, entry)| (key.as_str(), Self(&entry.value))),
            )),
            _ => self.wrong_kind("a table"),
        }
    }
}

/// What was written, for a sentence.
fn describe(node: &Node) -> String {
    match node {
        Node::Text(text) => format!("the text {text:?}"),
        Node::Number(text) => format!("the number {text}"),
        Node::Flag(flag) => flag.to_string(),
        Node::Date => "a date".to_owned(),
        Node::Bare(text) => format!("{text:?}"),
        Node::Array(_) => "an array".to_owned(),
        Node::Table(_) => "a table".to_owned(),
    }
}

impl<'de> IntoDeserializer<'de, Fault> for Reader<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! whole_numbers {
    ($($method:ident $visit:ident $type:ty),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            match self.number().and_then(|text| text.parse::<$type>().ok()) {
                Some(number) => visitor.$visit(number),
                None => self.wrong_kind(format!(
                    "a whole number from {} to {}", <$type>::MIN, <$type>::MAX
                )),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Fault;

    whole_numbers! {
        deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
        deserialize_i8 visit_i8 i8,
        deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64,
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.0.node {
            Node::Text(text) | Node::Bare(text) | Node::Number(text) => {
                visitor.visit_borrowed_str(text)
            }
            Node::Flag(flag) => visitor.visit_bool(*flag),
            Node::Array(_) => self.deserialize_seq(visitor),
            Node::Table(_) => self.read_map(visitor),
            Node::Date => self.wrong_kind("text, a number, an array or a table"),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.0.node {
            Node::Flag(flag) => visitor.visit_bool(*flag),
            Node::Bare(text) if text == "true" => visitor.visit_bool(true),
            Node::Bare(text) if text == "false" => visitor.visit_bool(false),
            _ => self.wrong_kind("true or false"),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.text() {
            Some(text) => visitor.visit_borrowed_str(text),
            None => self.wrong_kind("text in quotes"),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if name != SCALAR {
            return visitor.visit_newtype_struct(self);
        }
        match self.text().or_else(|| self.number()) {
            Some(text) => visitor.visit_borrowed_str(text),
            None => self.wrong_kind((&visitor as &dyn Expected).to_string()),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    /// A bare text from the environment is a list separated by commas.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.0.node {
            Node::Array(items) => visitor.visit_seq(SeqDeserializer::new(items.iter().map(Reader))),
            Node::Bare(text) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                visitor.visit_seq(SeqDeserializer::new(items))
            }
            _ => self.wrong_kind("an array"),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.read_map(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _keys: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.read_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.text() {
            Some(text) => visitor.visit_enum(text.into_deserializer()),
            None => self.wrong_kind(format!("one of \"{}\"", words.join("\", \""))),
        }
    }

    serde::forward_to_deserialize_any! {
        i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
        ignored_any
    }
}
