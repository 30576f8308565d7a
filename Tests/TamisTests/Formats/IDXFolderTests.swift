import Glibc
import Tamis
import Testing

struct IDXFolderTests {
    /// Bytes of an idx file of uint8.
    private func idx(_ dimensions: [Int], type: UInt8 = 8, _ contents: [UInt8]) -> [UInt8] {
        [0, 0, type, UInt8(dimensions.count)] + dimensions.flatMap { [0, 0, 0, UInt8($0)] } + contents
    }

    private func folder(_ files: [String: [UInt8]]) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        for (name, bytes) in files { try AtomicFile.write(bytes, to: "\(folder.path)/\(name)") }
        return folder
    }

    @Test func imagesAreDividedBy255() throws {
        let files = try folder([
            "emnist-train-images.idx3-ubyte": idx([2, 1, 3], [0, 51, 255, 1, 2, 3]),
            "emnist-train-labels.idx1-ubyte": idx([2], [4, 0]),
            "test-images": idx([1, 1, 2, 2], [255, 0, 0, 255]), "test-labels": idx([1], [1]),
        ])
        let folder = try IDXFolder(files.path)
        let training = try folder.dataset(.training)
        #expect(training.inputs.shape.dimensions == [2, 1, 3, 1])
        #expect(try training.inputs.scalars(as: Float.self) == [0, 0.2, 1, 1.0 / 255, 2.0 / 255, 3.0 / 255])
        #expect(try training.labels.scalars(as: Int64.self) == [4, 0])
        let test = try folder.dataset(.test)
        #expect(test.inputs.shape.dimensions == [1, 1, 2, 2])
    }

    @Test func aFileComesBeforeItsCompressedTwin() throws {
        let files = try folder([
            "train-images": idx([1, 1, 1], [255]), "train-images.gz": [1, 2, 3], "train-labels": idx([1], [0]),
        ])
        #expect(try IDXFolder(files.path).dataset(.training).count == 1)
    }

    @Test func whatDoesNotGoTogetherIsRefused() throws {
        let images = idx([2, 1, 1], [1, 2])
        let cases: [[String: [UInt8]]] = [
            [:],
            ["train-images": images],
            ["train-images": images, "train-labels": idx([1], [0])],
            ["train-images": images, "other-train-images": images, "train-labels": idx([2], [0, 1])],
            ["train-images": idx([2], [1, 2]), "train-labels": idx([2], [0, 1])],
            ["train-images": idx([0, 1, 1], []), "train-labels": idx([0], [])],
            ["train-images": idx([2, 0, 1], []), "train-labels": idx([2], [0, 1])],
            ["train-images": idx([2, 1, 1], type: 9, [1, 2]), "train-labels": idx([2], [0, 1])],
            ["train-images": Array(images.dropLast()), "train-labels": idx([2], [0, 1])],
        ]
        for files in cases {
            let folder = try folder(files)
            #expect(throws: ImportError.self, "\(files.keys)") { try IDXFolder(folder.path).dataset(.training) }
        }
        #expect(throws: ImportError.self) { try IDXFolder("/nowhere") }
        #expect(throws: ImportError.self) { try IDXFolder("/etc/passwd") }
    }

    @Test func aMissingDataSetSaysHowToInstallIt() {
        do throws(ImportError) {
            _ = try IDXFolder.fashionMNIST("/nowhere")
            Issue.record("a folder that is not there must be refused")
        } catch {
            #expect("\(error)".contains("apt-get install dataset-fashion-mnist"))
        }
    }

    @Test(.enabled(if: access("/usr/share/datasets/fashion-mnist", R_OK) == 0)) func fashionMNISTIsWhole() throws {
        let folder = try IDXFolder.fashionMNIST()
        #expect(folder.classNames.count == 10)
        let (training, test) = (try folder.dataset(.training), try folder.dataset(.test))
        #expect(training.inputs.shape.dimensions == [60_000, 28, 28, 1])
        #expect(test.inputs.shape.dimensions == [10_000, 28, 28, 1])
        let labels = try test.labels.scalars(as: Int64.self)
        #expect((0..<10).allSatisfy { label in labels.count { $0 == Int64(label) } == 1000 })
    }
}
