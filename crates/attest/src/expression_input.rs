//! What expressions see: the statement, who signed it and when, as values of CEL.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;

use cel::Context;
use cel::common::types::{
    CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelUInt,
};
use cel::common::value::Val;
use jiff::Timestamp;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::expression::Expression;
use crate::{Report, SignedBy, Statement};

/// A statement whose signature has been verified, and what that showed.
pub(crate) struct Input<'a> {
    statement: &'a Statement,
    predicate: Cow<'a, [u8]>,
    report: &'a Report,
    now: Timestamp,
}

/// Why a predicate cannot be looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// It is too long.
    #[error("predicate: expected at most {max} bytes, found {found}")]
    TooLong {
        /// The limit, in bytes.
        max: usize,
        /// The length, in bytes.
        found: usize,
    },
    /// It is no JSON, has a member twice, or has too many values.
    #[error("predicate: expected JSON of at most {max} values and no member twice, found: {detail}")]
    Json {
        /// The largest number of values.
        max: usize,
        /// What the reader says.
        detail: String,
    },
}

impl<'a> Input<'a> {
    pub(crate) fn new(statement: &'a Statement, report: &'a Report, now: Timestamp) -> Self {
        Self { statement, predicate: statement.predicate_bytes(), report, now }
    }

    /// The predicate's bytes, when they are not too many.
    pub(crate) fn predicate(&self) -> Result<&[u8], InputError> {
        let (max, found) = (Expression::PREDICATE_BYTES_MAX, self.predicate.len());
        if found > max { Err(InputError::TooLong { max, found }) } else { Ok(&self.predicate) }
    }

    /// Everything but the predicate, as JSON.
    pub(crate) fn surroundings(&self) -> [(&'static str, serde_json::Value); 5] {
        let subject =
            |subject: &crate::Subject| serde_json::json!({"name": subject.name, "digest": subject.digests});
        let subjects: Vec<_> = self.statement.subjects().iter().map(subject).collect();
        let time = self.report.times.first().map(ToString::to_string);
        [
            ("now", self.now.to_string().into()),
            ("predicateType", self.statement.predicate_type().uri().into()),
            ("signer", self.report.signer.as_ref().map_or(serde_json::Value::Null, signer)),
            ("signingTime", time.map_or(serde_json::Value::Null, serde_json::Value::from)),
            ("subject", subjects.into()),
        ]
    }

    /// Gives the variables to an evaluation.
    pub(crate) fn bind<'s>(&'s self, context: &mut Context<'_, 's>) -> Result<(), InputError> {
        let values = Cell::new(Expression::VALUES_MAX);
        let json = |bytes: &'s [u8]| -> Result<Box<dyn Val + 's>, serde_json::Error> {
            let mut reader = serde_json::Deserializer::from_slice(bytes);
            let value = Seed { left: &values }.deserialize(&mut reader)?;
            reader.end().map(|()| value)
        };
        let predicate = json(self.predicate()?).map_err(|error| {
            let detail = error.to_string().chars().take(200).collect();
            InputError::Json { max: Expression::VALUES_MAX, detail }
        })?;
        context.add_variable_as_val("predicate", predicate);
        for (name, value) in self.surroundings() {
            context.add_variable_as_val(name, owned(&value));
        }
        Ok(())
    }
}

/// `{"key": "sha256:…"}`, or identity, issuer and the claims of the certificate that are there.
fn signer(signer: &SignedBy) -> serde_json::Value {
    match signer {
        SignedBy::Key { fingerprint } => serde_json::json!({"key": fingerprint.to_string()}),
        SignedBy::Identity { identity, issuer, claims } => {
            let claims: serde_json::Map<String, serde_json::Value> =
                claims.rows().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
            serde_json::json!({"identity": identity, "issuer": issuer, "claims": claims})
        }
    }
}

fn owned(value: &serde_json::Value) -> Box<dyn Val> {
    match value {
        serde_json::Value::String(text) => Box::new(CelString::from(text.clone())),
        serde_json::Value::Array(items) => {
            Box::new(CelList::from(items.iter().map(owned).collect::<Vec<_>>()))
        }
        serde_json::Value::Object(members) => {
            let pair =
                |(name, value): (&String, &serde_json::Value)| (CelMapKey::from(name.clone()), owned(value));
            Box::new(CelMap::from(members.iter().map(pair).collect::<HashMap<_, _>>()))
        }
        serde_json::Value::Bool(is) => Box::new(CelBool::from(*is)),
        _ => Box::new(CelNull),
    }
}

/// The name of a member, borrowed where it can be.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = CelString<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = CelString<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a member")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(CelString::from(text.to_owned()))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(CelString::from(text))
    }
}

/// Reads JSON straight into values, borrowing texts where it can. Whole numbers become `int`, or `uint` when they are
/// too large for that, and others `double`.
#[derive(Clone, Copy)]
struct Seed<'c> {
    left: &'c Cell<usize>,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Box<dyn Val + 'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        match self.left.get().checked_sub(1) {
            Some(left) => self.left.set(left),
            None => return Err(D::Error::custom("more values than the limit")),
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Box<dyn Val + 'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_bool<E>(self, is: bool) -> Result<Self::Value, E> {
        Ok(Box::new(CelBool::from(is)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Box::new(CelInt::from(number)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        match i64::try_from(number) {
            Ok(number) => Ok(Box::new(CelInt::from(number))),
            Err(_) => Ok(Box::new(CelUInt::from(number))),
        }
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Box::new(CelDouble::from(number)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Box::new(CelString::from(text.to_owned())))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Box::new(CelString::from(text)))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Box::new(CelNull))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list: Vec<Box<dyn Val + 'de>> = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Box::new(CelList::from(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut map: HashMap<CelMapKey<'de>, Box<dyn Val + 'de>> = HashMap::new();
        while let Some(name) = members.next_key_seed(Name)? {
            let value = members.next_value_seed(self)?;
            if map.insert(CelMapKey::String(name), value).is_some() {
                return Err(A::Error::custom("a member twice"));
            }
        }
        Ok(Box::new(CelMap::from(map)))
    }
}
