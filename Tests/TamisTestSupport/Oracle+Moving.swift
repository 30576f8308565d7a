import Tamis

extension Oracle {
    /// A tensor of a shape whose every element is `element` of its place.
    package static func tensor(_ shape: [Int], _ element: ([Int]) -> Double) -> DoubleTensor {
        DoubleTensor(DoubleTensor.indices(of: shape).map(element), shape: shape)
    }

    /// What stands at these positions of each axis; `constant` where one is nil.
    package static func selection(
        _ x: DoubleTensor, _ positions: [[Int?]], constant: Double = 0
    ) -> DoubleTensor {
        tensor(positions.map(\.count)) { place in
            let source = zip(place, positions).compactMap { $1[$0] }
            return source.count == place.count ? x[source] : constant
        }
    }

    /// numpy's x[start:end:step] along one axis of `extent`: walks position by position.
    package static func positions(_ extent: Int, start: Int, end: Int, step: Int) -> [Int] {
        let first = start < 0 ? start + extent : start
        let last = end < 0 ? end + extent : end
        if step > 0 {
            return (0..<extent).filter { $0 >= first && $0 < last && ($0 - max(first, 0)) % step == 0 }
        }
        let top = min(first, extent - 1)
        return (0..<extent).reversed().filter { $0 <= top && $0 > last && (top - $0) % -step == 0 }
    }

    /// The position that each place of a padded axis shows, by walking out from the axis step by step.
    package static func padded(_ extent: Int, before: Int, after: Int, _ mode: Pad.Mode) -> [Int?] {
        let kept = Array(0..<extent).dropFirst(max(0, -before)).dropLast(max(0, -after))
        var list = kept.map(Optional.some)
        func step(_ places: [Int?], towards end: [Int?]) -> Int? {
            switch mode {
            case .constant: return nil
            case .edge: return end[0]
            case .wrap: return places[places.count - kept.count]
            case .reflect:
                // The mirror images of the last turn, one by one.
                if kept.count == 1 { return kept.first }
                let walked = places.count - kept.count
                let period = 2 * (kept.count - 1)
                let offset = (walked + kept.count) % period
                return offset < kept.count ? end.reversed()[offset] : end.reversed()[period - offset]
            }
        }
        var after = max(0, after)
        let own = list
        var tail: [Int?] = own
        while after > 0 {
            tail.append(step(tail, towards: own.reversed()))
            after -= 1
        }
        var head: [Int?] = own.reversed()
        for _ in 0..<max(0, before) { head.append(step(head, towards: own)) }
        list = head.dropFirst(own.count).reversed() + tail
        return list
    }

    /// The tensors one after another along an axis.
    package static func concatenation(_ parts: [DoubleTensor], axis: Int) -> DoubleTensor {
        var shape = parts[0].shape
        shape[axis] = parts.reduce(0) { $0 + $1.shape[axis] }
        return tensor(shape) { place in
            var place = place
            for part in parts {
                if place[axis] < part.shape[axis] { return part[place] }
                place[axis] -= part.shape[axis]
            }
            return .nan
        }
    }

    /// The positions of an axis that indices of any shape name.
    package static func gather(_ x: DoubleTensor, _ indices: [Int], shape: [Int], axis: Int) -> DoubleTensor {
        let places = DoubleTensor(indices.map(Double.init), shape: shape)
        return tensor(Array(x.shape[..<axis] + shape + x.shape[(axis + 1)...])) { place in
            let index = Int(places[Array(place[axis..<axis + shape.count])])
            return x[
                Array(place[..<axis] + [index < 0 ? index + x.shape[axis] : index] + place[(axis + shape.count)...])]
        }
    }
}

extension Oracle {
    /// For each place of the indices, the place of a tensor with the index itself on one axis.
    package static func elementPlaces(_ indices: [Int], shape: [Int], axis: Int, extent: Int) -> [[Int]] {
        zip(DoubleTensor.indices(of: shape), indices).map { place, index in
            var place = place
            place[axis] = index < 0 ? index + extent : index
            return place
        }
    }

    /// For each tuple of the indices (… × k), the first place of the part that it names behind axes of batches.
    package static func partPlaces(_ indices: [Int], shape: [Int], batches: Int, of x: [Int]) -> [[Int]] {
        let depth = shape[shape.count - 1]
        return DoubleTensor.indices(of: Array(shape.dropLast())).enumerated().map { number, place in
            let tuple = (0..<depth).map { axis in
                let index = indices[number * depth + axis]
                return index < 0 ? index + x[batches + axis] : index
            }
            return Array(place[..<batches]) + tuple
        }
    }

    /// x with updates written one after the other at places, each of which is that of an element or of a whole part.
    package static func scatter(
        _ x: DoubleTensor, _ places: [[Int]], _ updates: [Double], _ reduction: ScatterReduction
    ) -> DoubleTensor {
        var y = x
        var next = 0
        for place in places {
            for rest in DoubleTensor.indices(of: Array(x.shape[place.count...])) {
                let (old, new) = (y[place + rest], updates[next])
                switch reduction {
                case .none: y[place + rest] = new
                case .add: y[place + rest] = old + new
                case .mul: y[place + rest] = old * new
                case .max: y[place + rest] = Swift.max(old, new)
                case .min: y[place + rest] = Swift.min(old, new)
                }
                next += 1
            }
        }
        return y
    }
}
